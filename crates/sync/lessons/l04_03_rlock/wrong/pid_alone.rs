//! expect: RACE
//! "The owner is a process": a second thread of the owner's process finds its own pid in the word, and walks in.

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

// region answer
fn me() -> u64 {
    u64::from(std::process::id())
}
// end region
