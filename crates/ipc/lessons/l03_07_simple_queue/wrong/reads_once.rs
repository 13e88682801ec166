//! expect: HANG
//! A read fills what it is given, as it did with every small message. Of a long one it gives what is there.

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
    let _guard = queue.reading.lock().unwrap_or_else(|died| died.repaired());
    let mut length = [0; 8];
    queue.wire.read_exact(&mut length);
    let mut bytes = vec![0; u64::from_le_bytes(length) as usize];
    // region once
    let read = queue.wire.read(&mut bytes);
    bytes.truncate(read);
    // end region
    bytes
}
