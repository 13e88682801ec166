//! expect: HANG
//! Only ever counts up and down. When an owner is killed, its count stays in the word, and the next owner never comes to 0.

use std::sync::atomic::Ordering::Relaxed;

use super::check::{NotOwner, Parts};

// region answer
pub fn acquire(lock: &Parts) {
    let me = me();
    if lock.owner().load(Relaxed) != me {
        lock.take();
        lock.owner().store(me, Relaxed);
    }
    lock.depth().fetch_add(1, Relaxed);
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
