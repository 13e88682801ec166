//! expect: HANG
//! One queue, one lock. Who waits for a message has it, and who would bring one cannot have it.

use serde::{Deserialize, Serialize};
use sync::Lock;

use super::check::{Message, Unencodable, Wire};

#[derive(Clone, Serialize, Deserialize)]
pub struct SimpleQueue {
    wire: Wire,
    lock: Lock,
}

pub fn new(wire: Wire) -> SimpleQueue {
    SimpleQueue {
        wire,
        lock: Lock::new().expect("a descriptor is free"),
    }
}

pub fn put(queue: &SimpleQueue, message: &Message) -> Result<(), Unencodable> {
    let bytes = message.encode()?;
    let length = (bytes.len() as u64).to_le_bytes();
    let _guard = queue.lock.lock().unwrap_or_else(|died| died.repaired());
    queue.wire.write_all(&length);
    queue.wire.write_all(&bytes);
    Ok(())
}

pub fn get(queue: &SimpleQueue) -> Vec<u8> {
    let _guard = queue.lock.lock().unwrap_or_else(|died| died.repaired());
    let mut length = [0; 8];
    queue.wire.read_exact(&mut length);
    let mut bytes = vec![0; u64::from_le_bytes(length) as usize];
    queue.wire.read_exact(&mut bytes);
    bytes
}
