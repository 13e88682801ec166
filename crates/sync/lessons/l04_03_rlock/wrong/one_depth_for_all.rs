//! expect: RACE
//! A depth in a thread's own variable is a good idea; one for all locks is not: who has any lock walks into every other.

use std::cell::Cell;

use super::check::{NotOwner, Parts};

// region answer
thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

pub fn acquire(lock: &Parts) {
    if DEPTH.get() == 0 {
        lock.take();
    }
    DEPTH.set(DEPTH.get() + 1);
}
// end region

pub fn release(lock: &Parts) -> Result<(), NotOwner> {
    let left = DEPTH.get().checked_sub(1).ok_or(NotOwner)?;
    DEPTH.set(left);
    if left == 0 {
        lock.give_back();
    }
    Ok(())
}
