//! expect: HANG
//! One condition for all, and one notice for each change. A consumer's notice, meant for a producer, wakes another consumer.

use serde::{Deserialize, Serialize};
use sync::{Condition, ConditionGuard};

use super::check::Ring;

#[derive(Clone, Serialize, Deserialize)]
pub struct Buffer {
    ring: Ring,
    changed: Condition,
}

pub fn buffer(ring: Ring) -> Buffer {
    Buffer {
        ring,
        changed: Condition::new().expect("there is memory for a condition"),
    }
}

impl Buffer {
    fn lock(&self) -> ConditionGuard<'_> {
        self.changed.lock().unwrap_or_else(|died| {
            let guard = died.repaired();
            guard.notify_all();
            guard
        })
    }

    fn wait(guard: &mut ConditionGuard<'_>) {
        if guard.wait().is_err() {
            guard.repaired();
            guard.notify_all();
        }
    }
}

// region answer
pub fn put(buffer: &Buffer, item: u64) {
    let mut guard = buffer.lock();
    while buffer.ring.len() == buffer.ring.capacity() {
        Buffer::wait(&mut guard);
    }
    buffer.ring.put(item);
    guard.notify_one();
}

pub fn get(buffer: &Buffer, count: usize) -> Vec<u64> {
    let mut guard = buffer.lock();
    while buffer.ring.len() < count {
        Buffer::wait(&mut guard);
    }
    let items = (0..count).map(|_| buffer.ring.take()).collect();
    guard.notify_one();
    items
}
// end region
