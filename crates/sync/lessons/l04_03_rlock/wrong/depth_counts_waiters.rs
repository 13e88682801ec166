//! expect: HANG
//! The depth is counted first and the lock taken second, so whoever waits has been counted: the owner's last release does not
//! come to 0, and nobody gives the lock back.

use std::sync::atomic::Ordering::Relaxed;

use super::check::{NotOwner, Parts};

// region answer
pub fn acquire(lock: &Parts) {
    let first = lock.depth().fetch_add(1, Relaxed) == 0;
    if first || lock.owner().load(Relaxed) != me() {
        lock.take();
        lock.owner().store(me(), Relaxed);
    }
}
// end region

pub fn release(lock: &Parts) -> Result<(), NotOwner> {
    if lock.owner().load(Relaxed) != me() {
        return Err(NotOwner);
    }
    if lock.depth().fetch_sub(1, Relaxed) == 1 {
        lock.owner().store(0, Relaxed);
        lock.give_back();
    }
    Ok(())
}

fn me() -> u64 {
    u64::from(core_process::thread::native_id())
}
