//! expect: RACE
//! The writers have a lock, since they make something; readers only take. Two of them take the halves of each other's message.

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
    let mut length = [0; 8];
    queue.wire.read_exact(&mut length);
    let mut bytes = vec![0; u64::from_le_bytes(length) as usize];
    queue.wire.read_exact(&mut bytes);
    bytes
}
