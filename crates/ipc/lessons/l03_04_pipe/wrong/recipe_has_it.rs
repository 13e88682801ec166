//! expect: HANG
//! The recipe has a name, because it looks tidier. It has the sender of the replies, too, as an argument for the next start, so when the service has died there may still be more.

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
    // region recipe
    let recipe = Process::new(serve, (their_requests, their_replies));
    let service = recipe.start().expect("a process can be started");
    // end region
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
    drop(requests); // the service's `recv` ends
    if let Ok(Reply::Summary(summary)) = replies.recv() {
        transcript.summary = Some(summary);
    }
    service.join().ok();
    transcript
}
