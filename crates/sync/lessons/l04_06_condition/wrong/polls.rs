//! expect: LIMIT
//! A lock and a short sleep, again and again: it needs no condition, and wakes up a thousand times a second for nothing.

use std::thread::sleep;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sync::{Guard, Lock};

use super::check::Ring;

#[derive(Clone, Serialize, Deserialize)]
pub struct Buffer {
    ring: Ring,
    lock: Lock,
}

pub fn buffer(ring: Ring) -> Buffer {
    Buffer {
        ring,
        lock: Lock::new().expect("there is memory for a lock"),
    }
}

impl Buffer {
    fn lock(&self) -> Guard<'_> {
        self.lock.lock().unwrap_or_else(|died| died.repaired())
    }
}

// region answer
pub fn put(buffer: &Buffer, item: u64) {
    loop {
        let guard = buffer.lock();
        if buffer.ring.len() < buffer.ring.capacity() {
            return buffer.ring.put(item);
        }
        drop(guard);
        sleep(Duration::from_millis(1));
    }
}

pub fn get(buffer: &Buffer, count: usize) -> Vec<u64> {
    loop {
        let guard = buffer.lock();
        if buffer.ring.len() >= count {
            return (0..count).map(|_| buffer.ring.take()).collect();
        }
        drop(guard);
        sleep(Duration::from_millis(1));
    }
}
// end region
