//! expect: HANG
//! A lock of its own guards the ring, as in lesson 4.2, and the condition is only for waiting. `wait` releases the condition's lock and
//! no other: whoever could bring the item waits for the first one.

use serde::{Deserialize, Serialize};
use sync::{Condition, Guard, Lock};

use super::check::Ring;

#[derive(Clone, Serialize, Deserialize)]
pub struct Buffer {
    ring: Ring,
    lock: Lock,
    changed: Condition,
}

pub fn buffer(ring: Ring) -> Buffer {
    Buffer {
        ring,
        lock: Lock::new().expect("there is memory for a lock"),
        changed: Condition::new().expect("there is memory for a condition"),
    }
}

impl Buffer {
    fn lock(&self) -> Guard<'_> {
        self.lock.lock().unwrap_or_else(|died| died.repaired())
    }

    fn wait(&self) {
        let mut guard = self.changed.lock().unwrap_or_else(|died| died.repaired());
        let _ = guard.wait();
    }

    fn tell(&self) {
        let guard = self.changed.lock().unwrap_or_else(|died| died.repaired());
        guard.notify_all();
    }
}

// region answer
pub fn put(buffer: &Buffer, item: u64) {
    let _guard = buffer.lock();
    while buffer.ring.len() == buffer.ring.capacity() {
        buffer.wait();
    }
    buffer.ring.put(item);
    buffer.tell();
}

pub fn get(buffer: &Buffer, count: usize) -> Vec<u64> {
    let _guard = buffer.lock();
    while buffer.ring.len() < count {
        buffer.wait();
    }
    let items = (0..count).map(|_| buffer.ring.take()).collect();
    buffer.tell();
    items
}
// end region
