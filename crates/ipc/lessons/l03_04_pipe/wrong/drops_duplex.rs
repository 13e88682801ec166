//! expect: CRASH
//! One pipe that goes both ways, and it is dropped to say the end. It is closed as a whole: the service has nobody any more to send its summary to.

use core_process::Process;
use ipc::{Connection, duplex};
use serde::{Deserialize, Serialize};

use super::check::{Summary, Transcript, transform};

/// What the service sends.
#[derive(Serialize, Deserialize)]
enum Reply {
    Echo(Vec<u8>),
    Summary(Summary),
}

/// Answers until there are no more messages, then sums up.
fn serve(line: Connection<Reply, Vec<u8>>) {
    let mut summary = Summary::default();
    while let Ok(message) = line.recv() {
        summary.messages += 1;
        summary.bytes += message.len() as u64;
        if line.send(&Reply::Echo(transform(&message))).is_err() {
            return; // nobody is there who could read it
        }
    }
    // region summary
    line.send(&Reply::Summary(summary))
        .expect("the main process waits for it");
    // end region
}

/// What a service makes of the messages, and what it says at its end.
pub fn echo(messages: Vec<Vec<u8>>) -> Transcript {
    let (line, theirs) = duplex().expect("a descriptor is free");
    let service = Process::new(serve, theirs)
        .start()
        .expect("a process can be started");
    let mut transcript = Transcript::default();
    for message in &messages {
        // An error, of either: the service is gone.
        if line.send(message).is_err() {
            break;
        }
        match line.recv() {
            Ok(Reply::Echo(reply)) => transcript.replies.push(reply),
            _ => break,
        }
    }
    drop(line); // the service's `recv` ends
    service.join().ok();
    transcript
}
