//! expect: RACE
//! The owner word is not cleared: "the next owner overwrites it anyway". If the next one is the same thread, it finds itself
//! there and goes on without the lock.

use std::sync::atomic::Ordering::Relaxed;

use super::check::{NotOwner, Parts};

pub fn acquire(lock: &Parts) {
    let me = me();
    if lock.owner().load(Relaxed) != me {
        lock.take();
        lock.owner().store(me, Relaxed);
    }
    lock.depth().fetch_add(1, Relaxed);
}

// region answer
pub fn release(lock: &Parts) -> Result<(), NotOwner> {
    if lock.owner().load(Relaxed) != me() {
        return Err(NotOwner);
    }
    if lock.depth().fetch_sub(1, Relaxed) == 1 {
        lock.give_back();
    }
    Ok(())
}
// end region

fn me() -> u64 {
    u64::from(core_process::thread::native_id())
}
