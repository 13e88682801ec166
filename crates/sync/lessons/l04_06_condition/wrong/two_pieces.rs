//! expect: RACE
//! Waiting for room takes the lock of one condition, putting takes that of the other; it is the same lock, but between the two it is free.

use serde::{Deserialize, Serialize};
use sync::{Condition, ConditionGuard, RLock};

use super::check::Ring;

/// A bounded buffer. Every copy is the same buffer.
#[derive(Clone, Serialize, Deserialize)]
pub struct Buffer {
    ring: Ring,
    not_full: Condition,
    not_empty: Condition,
}

/// A buffer of what is in the ring.
pub fn buffer(ring: Ring) -> Buffer {
    let lock = RLock::new().expect("there is memory for a lock");
    Buffer {
        ring,
        not_full: Condition::with(&lock).expect("there is memory for a condition"),
        not_empty: Condition::with(&lock).expect("there is memory for a condition"),
    }
}

impl Buffer {
    /// The lock, by one of its conditions. If its last owner has died with it, that one's notices are given here.
    fn lock<'a>(&self, condition: &'a Condition) -> ConditionGuard<'a> {
        condition.lock().unwrap_or_else(|died| {
            let guard = died.repaired(); // every step of the ring leaves it whole
            self.tell_all();
            guard
        })
    }

    fn tell_all(&self) {
        self.lock(&self.not_full).notify_all();
        self.lock(&self.not_empty).notify_all();
    }

    /// Waits for a notice.
    fn wait(&self, guard: &mut ConditionGuard<'_>) {
        if guard.wait().is_err() {
            guard.repaired();
            self.tell_all();
        }
    }
}

/// Puts an item into the buffer, as soon as there is room for it.
pub fn put(buffer: &Buffer, item: u64) {
    let mut guard = buffer.lock(&buffer.not_full);
    while buffer.ring.len() == buffer.ring.capacity() {
        buffer.wait(&mut guard);
    }
    drop(guard);
    let _guard = buffer.lock(&buffer.not_empty);
    buffer.ring.put(item);
    buffer.lock(&buffer.not_empty).notify_all();
}

/// Takes `count` items out of the buffer at once, as soon as there are so many.
pub fn get(buffer: &Buffer, count: usize) -> Vec<u64> {
    let mut guard = buffer.lock(&buffer.not_empty);
    while buffer.ring.len() < count {
        buffer.wait(&mut guard);
    }
    let items = (0..count).map(|_| buffer.ring.take()).collect();
    buffer.lock(&buffer.not_full).notify(count as u32);
    items
}
