//! `Bool`: yes or no in shared memory.
//!
//! Invariant: every byte is one of the two, so nothing that another process writes there is undefined behaviour.

use std::fmt;

use super::Shared;

/// A `bool` that may live in shared memory: 0 is false, every other byte is true.
///
/// `bool` itself may not: a byte other than 0 and 1 is undefined behaviour as soon as it is looked at, and another process may write one.
///
/// ```
/// use core_process::shm::Bool;
///
/// let mut is_ready = Bool::from(false);
/// is_ready.set(true);
/// assert!(is_ready.get());
/// ```
#[repr(transparent)]
#[derive(Clone, Copy, Default, Shared)]
pub struct Bool(u8);

impl Bool {
    /// The value.
    #[inline]
    pub const fn get(self) -> bool {
        self.0 != 0
    }

    /// Another value from now on.
    #[inline]
    pub const fn set(&mut self, value: bool) {
        self.0 = value as u8;
    }
}

impl From<bool> for Bool {
    fn from(value: bool) -> Self {
        Self(u8::from(value))
    }
}

impl From<Bool> for bool {
    fn from(value: Bool) -> Self {
        value.get()
    }
}

impl PartialEq for Bool {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for Bool {}

impl fmt::Debug for Bool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_one_of_the_two() {
        assert_eq!(Bool::default(), Bool::from(false));
        assert_eq!(Bool(2), Bool(1));
        assert_eq!(format!("{:?} {:?}", Bool(0), Bool(255)), "false true");
        assert!(bool::from(Bool(7)));
    }
}
