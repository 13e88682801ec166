//! expect: CRASH
//! `unwrap` everywhere, since a pipe to one's own child does not break. It does when the child is killed.

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
    while let Ok(message) = messages.recv() {
        summary.messages += 1;
        summary.bytes += message.len() as u64;
        if replies.send(&Reply::Echo(transform(&message))).is_err() {
            return; // nobody is there who could read it
        }
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
    for message in &messages {
        requests.send(message).unwrap();
        if let Reply::Echo(reply) = replies.recv().unwrap() {
            transcript.replies.push(reply);
        }
    }
    drop(requests); // the service's `recv` ends
    if let Ok(Reply::Summary(summary)) = replies.recv() {
        transcript.summary = Some(summary);
    }
    service.join().ok();
    transcript
}
