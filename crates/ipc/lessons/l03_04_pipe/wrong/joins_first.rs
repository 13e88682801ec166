//! expect: HANG
//! "Join, then read what it has left": that is the order with a return value. The service cannot end before somebody takes its replies.

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
    // region joins
    std::thread::scope(|scope| {
        scope.spawn(move || {
            messages
                .iter()
                .try_for_each(|message| requests.send(message))
                .ok();
        });
        service.join().ok();
        for reply in replies.iter().map_while(Result::ok) {
            match reply {
                Reply::Echo(reply) => transcript.replies.push(reply),
                Reply::Summary(summary) => transcript.summary = Some(summary),
            }
        }
    });
    // end region
    transcript
}
