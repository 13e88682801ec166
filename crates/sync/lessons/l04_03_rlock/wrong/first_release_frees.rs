//! expect: RACE
//! The depth is not counted: re-entrance works, and the innermost release lets the next one in.

use std::sync::atomic::Ordering::Relaxed;

use super::check::{NotOwner, Parts};

pub fn acquire(lock: &Parts) {
    let me = me();
    if lock.owner().load(Relaxed) != me {
        lock.take();
        lock.owner().store(me, Relaxed);
    }
}

// region answer
pub fn release(lock: &Parts) -> Result<(), NotOwner> {
    if lock.owner().load(Relaxed) == me() {
        lock.owner().store(0, Relaxed);
        lock.give_back();
    }
    Ok(())
}
// end region

fn me() -> u64 {
    u64::from(core_process::thread::native_id())
}
