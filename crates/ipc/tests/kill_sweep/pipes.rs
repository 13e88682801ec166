//! Sends and receives of every kind of message, small, large, and with more descriptors than a packet carries.

use core_process::{Fd, Process, StartMethod, Status};
use grader::inject::point;
use ipc::{Receiver, RecvError, Sender, pipe};
use serde::{Deserialize, Serialize};

use crate::calls::{BEGIN, EACH, END, KILL, MANY, Operation};

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation {
        name: "pipe: send small",
        faults: EACH,
        run: || sends(Kind::Small),
    },
    Operation {
        name: "pipe: send large",
        faults: EACH,
        run: || sends(Kind::Large),
    },
    Operation {
        name: MANY,
        faults: KILL,
        run: || sends(Kind::Bundle),
    },
    Operation {
        name: "pipe: send into a full one",
        faults: EACH,
        run: sends_into_a_full_pipe,
    },
    Operation {
        name: "pipe: receive small",
        faults: EACH,
        run: || receives(Kind::Small),
    },
    Operation {
        name: "pipe: receive large",
        faults: EACH,
        run: || receives(Kind::Large),
    },
    Operation {
        name: "pipe: receive 253 desc.",
        faults: KILL,
        run: || receives(Kind::Bundle),
    },
];

#[derive(Clone, Copy, Serialize, Deserialize)]
enum Kind {
    Small,
    Large,
    Bundle,
}

#[derive(Serialize, Deserialize)]
struct Message {
    from: u32,
    bytes: Vec<u8>,
    files: Vec<Fd<std::io::PipeWriter>>,
}

const VICTIM: u32 = 1;
const MAIN: u32 = 2;

impl Message {
    fn new(from: u32, kind: Kind) -> Self {
        let (len, count) = match kind {
            Kind::Small => (100, 1),
            Kind::Large => (200_000, 1),
            Kind::Bundle => (10, 253),
        };
        let (_, writer) = std::io::pipe().unwrap();
        Self {
            from,
            bytes: vec![from as u8; len],
            files: (0..count)
                .map(|_| Fd::from(writer.try_clone().unwrap()))
                .collect(),
        }
    }

    /// Whose it is, if it is whole.
    fn check(&self, kind: Kind) -> u32 {
        let whole = Self::new(self.from, kind);
        assert!(self.bytes == whole.bytes && self.files.len() == whole.files.len());
        self.from
    }
}

/// The victim sends one message, and another one whatever came of the first.
fn send(kind: Kind, sender: Sender<Message>) {
    let message = Message::new(VICTIM, kind);
    point(BEGIN);
    let first = sender.send(&message);
    point(END);
    let _ = first;
    sender.send(&message).unwrap();
}

fn sends(kind: Kind) -> String {
    let (sender, receiver) = pipe().unwrap();
    let child = Process::new(send, (kind, sender.clone()))
        .method(StartMethod::Spawn)
        .start()
        .unwrap();
    let status = child.wait().unwrap();
    // Another sender is unharmed, and its message comes after what the victim has sent.
    sender.send(&Message::new(MAIN, kind)).unwrap();
    drop(sender);
    let came: Vec<u32> = receiver
        .iter()
        .map(|message| message.unwrap().check(kind))
        .collect();
    assert_eq!(came.last(), Some(&MAIN));
    assert!(came[..came.len() - 1].iter().all(|&from| from == VICTIM));
    assert!(status != Status::Exited(0) || came.len() >= 2);
    format!("{} of the victim's came, and mine", came.len() - 1)
}

/// The victim waits for room; the main process makes some.
fn sends_into_a_full_pipe() -> String {
    let kind = Kind::Small;
    let (sender, receiver) = pipe().unwrap();
    let mut before = 0;
    while sender.try_send(&Message::new(MAIN, kind)).is_ok() {
        before += 1;
    }
    let child = Process::new(send, (kind, sender))
        .method(StartMethod::Spawn)
        .start()
        .unwrap();
    let came: Vec<u32> = receiver
        .iter()
        .map(|message| message.unwrap().check(kind))
        .collect();
    let _ = child.wait();
    assert!(came[..before].iter().all(|&from| from == MAIN));
    assert!(came[before..].iter().all(|&from| from == VICTIM));
    format!("{} of the victim's came, and mine", came.len() - before)
}

/// The victim receives one message of two.
fn receive(kind: Kind, receiver: Receiver<Message>) {
    point(BEGIN);
    let first = receiver.recv();
    point(END);
    if let Ok(message) = first {
        message.check(kind);
    }
}

fn receives(kind: Kind) -> String {
    let (sender, receiver) = pipe().unwrap();
    sender.send(&Message::new(MAIN, kind)).unwrap();
    let child = Process::new(receive, (kind, receiver.clone()))
        .method(StartMethod::Spawn)
        .start()
        .unwrap();
    // It may come while the victim waits for it, or after the victim is gone.
    sender.send(&Message::new(MAIN, kind)).unwrap();
    drop(sender);
    let _ = child.wait();
    let mut left = 0;
    loop {
        match receiver.recv() {
            Ok(message) => left += usize::from(message.check(kind) == MAIN),
            Err(RecvError::Disconnected) => break,
            Err(error) => panic!("{error}"),
        }
    }
    assert!((1..=2).contains(&left), "{left} are left of 2");
    format!("{left} left of 2, whole")
}
