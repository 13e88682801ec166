//! Lesson 4.6, another right answer: one condition for both kinds of waiters, and every change told to all of them.
//!
//! Simpler, and more wake-ups: each of those that wait looks after every change.

use serde::{Deserialize, Serialize};
use sync::{Condition, ConditionGuard};

use super::check::Ring;

/// A bounded buffer. Every copy is the same buffer.
#[derive(Clone, Serialize, Deserialize)]
pub struct Buffer {
    ring: Ring,
    changed: Condition,
}

/// A buffer of what is in the ring.
pub fn buffer(ring: Ring) -> Buffer {
    Buffer {
        ring,
        changed: Condition::new().expect("there is memory for a condition"),
    }
}

impl Buffer {
    /// The lock, when `state` is true of the ring; whoever died with it is told for.
    fn when(&self, mut state: impl FnMut(&Ring) -> bool) -> ConditionGuard<'_> {
        let mut guard = self.changed.lock().unwrap_or_else(|died| {
            let guard = died.repaired();
            guard.notify_all();
            guard
        });
        while guard.wait_for(|| state(&self.ring)).is_err() {
            guard.repaired();
            guard.notify_all();
        }
        guard
    }
}

/// Puts an item into the buffer, as soon as there is room for it.
pub fn put(buffer: &Buffer, item: u64) {
    let guard = buffer.when(|ring| ring.len() < ring.capacity());
    buffer.ring.put(item);
    guard.notify_all();
}

/// Takes `count` items out of the buffer at once, as soon as there are so many.
pub fn get(buffer: &Buffer, count: usize) -> Vec<u64> {
    let guard = buffer.when(|ring| ring.len() >= count);
    let items = (0..count).map(|_| buffer.ring.take()).collect();
    guard.notify_all();
    items
}
