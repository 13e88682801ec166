//! expect: HANG
//! The lock is given back, then the word is cleared, as one leaves a room and then crosses out one's name. By then another name stands
//! there, and its owner does not find itself any more.

use std::sync::atomic::Ordering::Relaxed;

use super::check::{NotOwner, Parts};

/// Takes the lock once more if it is this thread's own, else waits for it.
pub fn acquire(lock: &Parts) {
    let me = me();
    // Nobody but this thread writes its number there, or takes it away: what it reads about itself is true.
    if lock.owner().load(Relaxed) != me {
        lock.take();
        lock.owner().store(me, Relaxed);
        lock.depth().store(0, Relaxed); // a former owner may have been killed on its way
    }
    lock.depth().fetch_add(1, Relaxed);
}

/// Gives it back once.
pub fn release(lock: &Parts) -> Result<(), NotOwner> {
    if lock.owner().load(Relaxed) != me() {
        return Err(NotOwner);
    }
    if lock.depth().fetch_sub(1, Relaxed) == 1 {
        lock.give_back();
        lock.owner().store(0, Relaxed);
    }
    Ok(())
}

fn me() -> u64 {
    u64::from(core_process::thread::native_id())
}
