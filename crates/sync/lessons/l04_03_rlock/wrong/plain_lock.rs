//! expect: HANG
//! A plain lock with another name: the owner waits for itself.

use super::check::{NotOwner, Parts};

// region answer
pub fn acquire(lock: &Parts) {
    lock.take();
}
// end region

pub fn release(lock: &Parts) -> Result<(), NotOwner> {
    lock.give_back();
    Ok(())
}
