//! expect: HANG
//! The ring is whole, so `repaired` is all that a death needs. But the dead one had changed it, and told nobody.

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
    // region answer
    fn lock<'a>(&self, condition: &'a Condition) -> ConditionGuard<'a> {
        condition.lock().unwrap_or_else(|died| died.repaired())
    }
    // end region

    fn wait(&self, guard: &mut ConditionGuard<'_>) {
        if guard.wait().is_err() {
            guard.repaired();
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

pub fn get(buffer: &Buffer, count: usize) -> Vec<u64> {
    let mut guard = buffer.lock(&buffer.not_empty);
    while buffer.ring.len() < count {
        buffer.wait(&mut guard);
    }
    let items = (0..count).map(|_| buffer.ring.take()).collect();
    buffer.lock(&buffer.not_full).notify(count as u32);
    items
}
