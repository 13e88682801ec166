//! expect: SERIAL
//! The lock is taken first of all, to be safe. Nobody else can encode meanwhile, though that touches nothing that is shared.

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
    // region inside
    let _guard = queue.writing.lock().unwrap_or_else(|died| died.repaired());
    let bytes = message.encode()?;
    // end region
    let length = (bytes.len() as u64).to_le_bytes();
    queue.wire.write_all(&length);
    queue.wire.write_all(&bytes);
    Ok(())
}

pub fn get(queue: &SimpleQueue) -> Vec<u8> {
    let _guard = queue.reading.lock().unwrap_or_else(|died| died.repaired());
    let mut length = [0; 8];
    queue.wire.read_exact(&mut length);
    let mut bytes = vec![0; u64::from_le_bytes(length) as usize];
    queue.wire.read_exact(&mut bytes);
    bytes
}
