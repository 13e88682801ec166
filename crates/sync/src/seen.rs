//! What an observer is told of a blocking operation: that it began and ended, on which object, from which line.
//!
//! Invariant: an operation with a deadline is no news, since it ends by itself; one that can last for ever is.

use std::panic::Location;

use core_process::Until;
use core_process::probe::{self, Phase};

/// Whether anybody is told: nobody in most programs, and then a fast path is all there is.
#[inline]
pub(crate) fn is_watched() -> bool {
    probe::is_installed()
}

/// An operation that has begun; its drop tells the end.
pub(crate) struct Operation {
    name: &'static str,
    object: u64,
    location: &'static Location<'static>,
    is_told: bool,
}

impl Operation {
    #[inline]
    pub(crate) fn begin(
        name: &'static str,
        object: u64,
        until: &Until,
        location: &'static Location<'static>,
    ) -> Self {
        let is_told = until.deadline().is_none();
        if is_told {
            probe::emit(name, Phase::Begin, object, 0, Some(location));
        }
        Self {
            name,
            object,
            location,
            is_told,
        }
    }
}

impl Drop for Operation {
    #[inline]
    fn drop(&mut self) {
        if self.is_told {
            probe::emit(self.name, Phase::End, self.object, 0, Some(self.location));
        }
    }
}

/// Something without a duration: a release, a set.
#[inline]
pub(crate) fn point(name: &'static str, object: u64, value: i64, location: &'static Location<'static>) {
    probe::emit(name, Phase::Point, object, value, Some(location));
}
