//! expect: WRONG
//! The service collects its replies and sends them at the end, so that the pipes can never be full. When it dies, they are gone with it.

use core_process::Process;
use ipc::{Receiver, Sender, pipe};
use serde::{Deserialize, Serialize};

use super::check::{Summary, Transcript, transform};

/// What the service sends.
#[derive(Serialize, Deserialize)]
enum Reply {
    Echo(Vec<u8>),
    Summary(Summary),
}

/// Answers until there are no more messages, then sums up.
fn serve(messages: Receiver<Vec<u8>>, replies: Sender<Reply>) {
    let mut summary = Summary::default();
    let mut done = Vec::new();
    while let Ok(message) = messages.recv() {
        summary.messages += 1;
        summary.bytes += message.len() as u64;
        done.push(transform(&message));
    }
    for reply in done {
        replies.send(&Reply::Echo(reply)).ok();
    }
    replies.send(&Reply::Summary(summary)).ok();
}

/// What a service makes of the messages, and what it says at its end.
pub fn echo(messages: Vec<Vec<u8>>) -> Transcript {
    let (requests, their_requests) = pipe().expect("a descriptor is free");
    let (their_replies, replies) = pipe().expect("a descriptor is free");
    let service = Process::new(serve, (their_requests, their_replies))
        .start()
        .expect("a process can be started");
    let mut transcript = Transcript::default();
    messages
        .iter()
        .try_for_each(|message| requests.send(message))
        .ok();
    drop(requests);
    for _ in &messages {
        match replies.recv() {
            Ok(Reply::Echo(reply)) => transcript.replies.push(reply),
            _ => break,
        }
    }
    if let Ok(Reply::Summary(summary)) = replies.recv() {
        transcript.summary = Some(summary);
    }
    service.join().ok();
    transcript
}
