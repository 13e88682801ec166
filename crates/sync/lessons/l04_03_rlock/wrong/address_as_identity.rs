//! expect: RACE
//! The address of a thread's own variable tells threads apart, as many libraries do it. It tells those of *one* process apart:
//! two children of one fork server have their variables at the same addresses.

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
thread_local! {
    static MARK: u8 = const { 0 };
}

fn me() -> u64 {
    MARK.with(|mark| std::ptr::from_ref(mark).addr() as u64)
}
// end region
