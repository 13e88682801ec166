//! expect: WRONG
//! A large get takes what is there and waits for the rest, as a read from a pipe does. Meanwhile nobody can use what it holds.

use serde::{Deserialize, Serialize};
use sync::{Condition, ConditionGuard, RLock};

use super::check::Ring;

#[derive(Clone, Serialize, Deserialize)]
pub struct Buffer {
    ring: Ring,
    not_full: Condition,
    not_empty: Condition,
}

pub fn buffer(ring: Ring) -> Buffer {
    let lock = RLock::new().expect("there is memory for a lock");
    Buffer {
        ring,
        not_full: Condition::with(&lock).expect("there is memory for a condition"),
        not_empty: Condition::with(&lock).expect("there is memory for a condition"),
    }
}

impl Buffer {
    fn lock<'a>(&self, condition: &'a Condition) -> ConditionGuard<'a> {
        condition.lock().unwrap_or_else(|died| {
            let guard = died.repaired();
            self.tell_all();
            guard
        })
    }

    fn tell_all(&self) {
        self.lock(&self.not_full).notify_all();
        self.lock(&self.not_empty).notify_all();
    }

    fn wait(&self, guard: &mut ConditionGuard<'_>) {
        if guard.wait().is_err() {
            guard.repaired();
            self.tell_all();
        }
    }
}

pub fn put(buffer: &Buffer, item: u64) {
    let mut guard = buffer.lock(&buffer.not_full);
    while buffer.ring.len() == buffer.ring.capacity() {
        buffer.wait(&mut guard);
    }
    buffer.ring.put(item);
    buffer.lock(&buffer.not_empty).notify_all();
}

// region answer
pub fn get(buffer: &Buffer, count: usize) -> Vec<u64> {
    let mut guard = buffer.lock(&buffer.not_empty);
    let mut items = Vec::new();
    while items.len() < count {
        while buffer.ring.is_empty() {
            buffer.wait(&mut guard);
        }
        items.push(buffer.ring.take());
        buffer.lock(&buffer.not_full).notify_one();
    }
    items
}
// end region
