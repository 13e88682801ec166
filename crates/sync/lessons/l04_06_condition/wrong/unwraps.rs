//! expect: CRASH
//! `unwrap` on a lock is a habit from `std::sync::Mutex`. There a poisoned lock means a bug; here a process was killed, which is no bug.

use serde::{Deserialize, Serialize};
use sync::{Condition, RLock};

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

// region answer
pub fn put(buffer: &Buffer, item: u64) {
    let mut guard = buffer.not_full.lock().unwrap();
    guard
        .wait_for(|| buffer.ring.len() < buffer.ring.capacity())
        .unwrap();
    buffer.ring.put(item);
    buffer.not_empty.lock().unwrap().notify_all();
}

pub fn get(buffer: &Buffer, count: usize) -> Vec<u64> {
    let mut guard = buffer.not_empty.lock().unwrap();
    guard.wait_for(|| buffer.ring.len() >= count).unwrap();
    let items = (0..count).map(|_| buffer.ring.take()).collect();
    buffer.not_full.lock().unwrap().notify(count as u32);
    items
}
// end region
