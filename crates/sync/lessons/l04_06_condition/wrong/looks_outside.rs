//! expect: HANG
//! The look needs no lock, it changes nothing, so the lock is taken only where something has to be done. Between the look and the
//! wait the item comes, and its notice finds nobody.

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

// region answer
pub fn put(buffer: &Buffer, item: u64) {
    while buffer.ring.len() == buffer.ring.capacity() {
        let mut guard = buffer.lock(&buffer.not_full);
        buffer.wait(&mut guard);
    }
    let _guard = buffer.lock(&buffer.not_empty);
    buffer.ring.put(item);
    buffer.lock(&buffer.not_empty).notify_all();
}

pub fn get(buffer: &Buffer, count: usize) -> Vec<u64> {
    while buffer.ring.len() < count {
        let mut guard = buffer.lock(&buffer.not_empty);
        buffer.wait(&mut guard);
    }
    let guard = buffer.lock(&buffer.not_full);
    let items = (0..count).map(|_| buffer.ring.take()).collect();
    guard.notify(count as u32);
    items
}
// end region
