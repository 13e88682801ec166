//! Lesson 3.4, another right answer: a thread sends, and the main thread receives meanwhile, so no reply is waited for before the next
//! message goes out. Whatever the pipes hold, somebody always takes.

use core_process::Process;
use ipc::{Receiver, Sender, pipe};
use serde::{Deserialize, Serialize};

use super::check::{Summary, Transcript, transform};

#[derive(Serialize, Deserialize)]
enum Reply {
    Echo(Vec<u8>),
    Summary(Summary),
}

fn serve(messages: Receiver<Vec<u8>>, replies: Sender<Reply>) {
    let mut summary = Summary::default();
    for message in messages.iter().map_while(Result::ok) {
        summary.messages += 1;
        summary.bytes += message.len() as u64;
        if replies.send(&Reply::Echo(transform(&message))).is_err() {
            return;
        }
    }
    replies.send(&Reply::Summary(summary)).ok();
}

// region echo
pub fn echo(messages: Vec<Vec<u8>>) -> Transcript {
    let (requests, their_requests) = pipe::<Vec<u8>>().expect("a descriptor is free");
    let (their_replies, replies) = pipe().expect("a descriptor is free");
    let service = Process::new(serve, (their_requests, their_replies))
        .start()
        .expect("a process can be started");
    let mut transcript = Transcript::default();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // The sender is this thread's, and closed with it.
            messages
                .iter()
                .try_for_each(|message| requests.send(message))
                .ok();
        });
        for reply in replies.iter().map_while(Result::ok) {
            match reply {
                Reply::Echo(reply) => transcript.replies.push(reply),
                Reply::Summary(summary) => transcript.summary = Some(summary),
            }
        }
    });
    service.join().ok();
    transcript
}
// end region
