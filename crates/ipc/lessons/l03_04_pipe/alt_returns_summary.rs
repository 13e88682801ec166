//! Lesson 3.4, another right answer: one pipe that goes both ways. It is closed as a whole, so the summary goes home as the value that
//! the process returns.

use core_process::Process;
use ipc::{Connection, duplex};

use super::check::{Summary, Transcript, transform};

fn serve(line: Connection<Vec<u8>, Vec<u8>>) -> Summary {
    let mut summary = Summary::default();
    while let Ok(message) = line.recv() {
        summary.messages += 1;
        summary.bytes += message.len() as u64;
        if line.send(&transform(&message)).is_err() {
            break;
        }
    }
    summary
}

pub fn echo(messages: Vec<Vec<u8>>) -> Transcript {
    let (line, theirs) = duplex().expect("a descriptor is free");
    let service = Process::new(serve, theirs)
        .start()
        .expect("a process can be started");
    let answered = |message: &Vec<u8>| {
        line.send(message).ok()?;
        line.recv().ok()
    };
    let replies = messages.iter().map_while(answered).collect();
    drop(line);
    Transcript {
        replies,
        summary: service.join().ok(),
    }
}
