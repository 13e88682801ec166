//! expect: WRONG
//! A process for each message, as in lesson 2.2: nothing has to be closed then. A start costs a thousand times what a message does, and nobody can sum up.

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
    let mut transcript = Transcript::default();
    let mut total = Summary::default();
    for message in messages {
        let (requests, their_requests) = pipe().expect("a descriptor is free");
        let (their_replies, replies) = pipe().expect("a descriptor is free");
        let service = Process::new(serve, (their_requests, their_replies))
            .start()
            .expect("a process can be started");
        requests.send(&message).ok();
        drop(requests);
        for reply in replies.iter().map_while(Result::ok) {
            match reply {
                Reply::Echo(reply) => transcript.replies.push(reply),
                Reply::Summary(summary) => {
                    total.messages += summary.messages;
                    total.bytes += summary.bytes;
                }
            }
        }
        service.join().ok();
    }
    transcript.summary = Some(total);
    transcript
}
