//! expect: WRONG
//! `release` trusts its caller, as that of a plain lock does in Python: any thread counts the owner's depth down.

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
    match lock.depth().load(Relaxed) {
        0 => return Err(NotOwner),
        1 => {
            lock.depth().store(0, Relaxed);
            lock.owner().store(0, Relaxed);
            lock.give_back();
        }
        depth => lock.depth().store(depth - 1, Relaxed),
    }
    Ok(())
}
// end region

fn me() -> u64 {
    u64::from(core_process::thread::native_id())
}
