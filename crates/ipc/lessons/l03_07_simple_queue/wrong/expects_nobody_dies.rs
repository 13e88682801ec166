//! expect: CRASH
//! Nobody dies inside a few lines. But one of them is a wait, and most of a reader's life passes there.

use serde::{Deserialize, Serialize};
use sync::Lock;

use super::check::{Message, Unencodable, Wire};

#[derive(Clone, Serialize, Deserialize)]
pub struct SimpleQueue {
    wire: Wire,
    writing: Lock,
    reading: Lock,
}

pub fn new(wire: Wire) -> SimpleQueue {
    SimpleQueue {
        wire,
        writing: Lock::new().expect("a descriptor is free"),
        reading: Lock::new().expect("a descriptor is free"),
    }
}

pub fn put(queue: &SimpleQueue, message: &Message) -> Result<(), Unencodable> {
    let bytes = message.encode()?;
    let length = (bytes.len() as u64).to_le_bytes();
    let _guard = queue.writing.lock().unwrap_or_else(|died| died.repaired());
    queue.wire.write_all(&length);
    queue.wire.write_all(&bytes);
    Ok(())
}

pub fn get(queue: &SimpleQueue) -> Vec<u8> {
    // region expects
    let _guard = queue.reading.lock().expect("nobody dies with it");
    // end region
    let mut length = [0; 8];
    queue.wire.read_exact(&mut length);
    let mut bytes = vec![0; u64::from_le_bytes(length) as usize];
    queue.wire.read_exact(&mut bytes);
    bytes
}
