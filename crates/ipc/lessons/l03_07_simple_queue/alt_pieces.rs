//! Lesson 3.7, another right answer: a message in pieces, whose length need not be known at its beginning, and locks of another kind.

use serde::{Deserialize, Serialize};
use sync::RLock;

use super::check::{Message, Unencodable, Wire};

/// The queue: the wire, and a lock for each of its ends.
#[derive(Clone, Serialize, Deserialize)]
pub struct SimpleQueue {
    wire: Wire,
    writing: RLock,
    reading: RLock,
}

/// A queue on this wire.
pub fn new(wire: Wire) -> SimpleQueue {
    SimpleQueue {
        wire,
        writing: RLock::new().expect("a descriptor is free"),
        reading: RLock::new().expect("a descriptor is free"),
    }
}

/// What a full piece has.
const PIECE: usize = 4000;

/// Puts a message in pieces, each with its length before it; the last one is not full.
pub fn put(queue: &SimpleQueue, message: &Message) -> Result<(), Unencodable> {
    let bytes = message.encode()?;
    let _guard = queue.writing.lock().unwrap_or_else(|died| died.repaired());
    for piece in bytes
        .chunks(PIECE)
        .chain((bytes.len() % PIECE == 0).then_some(&[][..]))
    {
        queue.wire.write_all(&(piece.len() as u16).to_le_bytes());
        queue.wire.write_all(piece);
    }
    Ok(())
}

/// Gets the bytes of a message; waits for one.
pub fn get(queue: &SimpleQueue) -> Vec<u8> {
    // Who is killed while it waits has read nothing yet: the wire is whole.
    let _guard = queue.reading.lock().unwrap_or_else(|died| died.repaired());
    let mut bytes = Vec::new();
    loop {
        let mut length = [0; 2];
        queue.wire.read_exact(&mut length);
        let length = usize::from(u16::from_le_bytes(length));
        let begun = bytes.len();
        bytes.resize(begun + length, 0);
        queue.wire.read_exact(&mut bytes[begun..]);
        if length < PIECE {
            return bytes;
        }
    }
}
