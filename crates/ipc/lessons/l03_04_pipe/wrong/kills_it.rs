//! expect: WRONG
//! All replies are there, so the service is not needed any more and gets killed. What it had to say at its end is not said.

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
        // An error, of either: the service is gone.
        if requests.send(message).is_err() {
            break;
        }
        match replies.recv() {
            Ok(Reply::Echo(reply)) => transcript.replies.push(reply),
            _ => break,
        }
    }
    service.kill().expect("it is our child");
    service.wait().ok();
    transcript.summary = Some(Summary {
        messages: messages.len() as u64,
        bytes: messages.iter().map(|message| message.len() as u64).sum(),
    });
    transcript
}
