//! expect: LOST_UPDATE
//! The owner word alone as the lock: look whether it is 0, then store oneself there. Two that look at the same time both find 0.

use std::sync::atomic::Ordering::Relaxed;

use super::check::{NotOwner, Parts};

// region answer
pub fn acquire(lock: &Parts) {
    let me = me();
    loop {
        let owner = lock.owner().load(Relaxed);
        if owner == 0 || owner == me {
            break;
        }
        std::thread::yield_now();
    }
    lock.owner().store(me, Relaxed);
    lock.depth().fetch_add(1, Relaxed);
}
// end region

pub fn release(lock: &Parts) -> Result<(), NotOwner> {
    if lock.owner().load(Relaxed) != me() {
        return Err(NotOwner);
    }
    if lock.depth().fetch_sub(1, Relaxed) == 1 {
        lock.owner().store(0, Relaxed);
    }
    Ok(())
}

fn me() -> u64 {
    u64::from(core_process::thread::native_id())
}
