//! A sender or a receiver dies. A message is in the kernel whole or not at all, so the deaths are those around calls. (A large one
//! is received by a million instructions that copy it; its calls are in the other table alone.)

use std::cell::Cell;

use core_process::codec;
use grader::stepping::{Scene, WATCHDOG, mark};
use ipc::{Receiver, RecvError, Sender, pipe};
use serde::{Deserialize, Deserializer};

use super::{VICTIM, Value, either, memory_of};

const LARGE: usize = 40_000;

fn rest(receiver: &Receiver<Value>, len: usize, count: usize) -> Result<Vec<u32>, String> {
    let mut found = Vec::new();
    while receiver.poll() {
        let value = receiver
            .recv_timeout(WATCHDOG)
            .map_err(|error| error.to_string())?;
        found.push(value.whose(len, count)?);
    }
    Ok(found)
}

fn ends(sender: Sender<Value>, receiver: Receiver<Value>) -> Box<dyn FnOnce() -> Result<(), String>> {
    Box::new(move || {
        drop(sender);
        match receiver.recv_timeout(WATCHDOG) {
            Err(RecvError::Disconnected) => Ok(()),
            other => Err(format!("at the end: {other:?}")),
        }
    })
}

fn sends(len: usize, count: usize) -> Scene {
    let (sender, receiver) = pipe().unwrap();
    sender.send(&Value::new(0, len, count)).unwrap();
    let (theirs, ours, takes) = (sender.clone(), sender.clone(), receiver.clone());
    let value = Value::new(VICTIM, len, count);
    Scene {
        shared: memory_of(&sender),
        victim: Box::new(move || {
            mark();
            theirs.send(&value).unwrap();
            mark();
        }),
        sleepers: vec![],
        check: Box::new(move || {
            ours.send_timeout(&Value::new(1, len, count), WATCHDOG)
                .map_err(|error| error.to_string())?;
            let found = rest(&takes, len, count)?;
            either(&found, (&[0, VICTIM, 1], "sent"), (&[0, 1], "not sent"))
        }),
        end: ends(sender, receiver),
    }
}

pub(crate) fn send() -> Scene {
    sends(1, 0)
}

pub(crate) fn send_descriptors() -> Scene {
    sends(1, 2)
}

pub(crate) fn send_large() -> Scene {
    sends(LARGE, 0)
}

/// What a victim receives ends its operation as soon as it is decoded: from there on all is its own.
struct Ends;

impl<'de> Deserialize<'de> for Ends {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        mark();
        Ok(Self)
    }
}

fn receives(len: usize, count: usize) -> Scene {
    let (sender, receiver) = pipe().unwrap();
    let sent = codec::encode(&receiver).unwrap();
    let theirs: Receiver<Ends> = codec::decode(&sent.bytes, sent.descriptors).unwrap();
    for number in 0..2 {
        sender.send(&Value::new(number, len, count)).unwrap();
    }
    let (ours, takes) = (sender.clone(), receiver.clone());
    Scene {
        shared: memory_of(&sender),
        victim: Box::new(move || {
            mark();
            drop(theirs.recv());
            mark();
        }),
        sleepers: vec![],
        check: Box::new(move || {
            ours.send_timeout(&Value::new(2, len, count), WATCHDOG)
                .map_err(|error| error.to_string())?;
            let found = rest(&takes, len, count)?;
            either(&found, (&[0, 1, 2], "not received"), (&[1, 2], "received"))
        }),
        end: ends(sender, receiver),
    }
}

pub(crate) fn receive() -> Scene {
    receives(1, 0)
}

pub(crate) fn receive_descriptors() -> Scene {
    receives(1, 2)
}

pub(crate) fn last_sender() -> Scene {
    let (sender, receiver) = pipe::<Value>().unwrap();
    let theirs = Cell::new(Some(sender));
    Scene {
        shared: vec![],
        victim: Box::new(move || {
            mark();
            drop(theirs.take());
            mark();
        }),
        sleepers: vec![],
        check: Box::new(move || match receiver.recv_timeout(WATCHDOG) {
            Err(RecvError::Disconnected) => Ok("told"),
            other => Err(format!("{other:?}")),
        }),
        end: Box::new(|| Ok(())),
    }
}
