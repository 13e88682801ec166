//! `Once`: something that is done by one of all processes, once.
//!
//! Invariant: the work is run by who has the turn. The protocol is `done.rs`.

use std::fmt;
use std::io;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use core_process::{Until, WaitError};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::done;
use crate::exclusion::News;
use crate::object::{Kind, Object};
use crate::pace::Over;
use crate::seen::Operation;

const KIND: Kind = Kind {
    name: "once",
    number: 0x0801,
    len: 192,
};

/// Work that one process does for all, and that all others wait for: `std::sync::Once` between processes. Python has none.
///
/// If the process that does it is killed, or the work panics, the next caller does it, and is told by [`Start`] that it may find half of it.
///
/// ```
/// let once = sync::Once::new()?;
/// let mut done = 0;
/// once.call(|_| done += 1);
/// once.call(|_| done += 1);
/// assert_eq!(done, 1);
/// assert!(once.is_done());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Once {
    object: Arc<Object>,
}

/// Where the work begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At nothing; or another one's work has panicked, and was not interrupted half-way by a death.
    Fresh,
    /// At whatever a process that was killed in the work has left.
    AfterDeath,
}

impl Once {
    /// Nothing is done yet.
    ///
    /// # Errors
    /// As [`Lock::new`](crate::Lock::new).
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            object: Object::create(&KIND, done::lay_out)?,
        })
    }

    /// Does the work if nobody has, and waits for whoever is at it. What the work did in shared memory is seen by all who return
    /// from this.
    ///
    /// A call inside the work waits for itself, for ever.
    #[track_caller]
    pub fn call(&self, work: impl FnOnce(Start)) {
        let done = self.call_within(&Until::forever(), work, Location::caller());
        debug_assert_eq!(done, Ok(()));
    }

    /// [`call`](Self::call), but the wait for whoever is at it may be over before.
    ///
    /// # Errors
    /// [`WaitError::TimedOut`], [`WaitError::Stopped`]: somebody was at it all the time.
    #[track_caller]
    pub fn call_until(&self, until: impl Into<Until>, work: impl FnOnce(Start)) -> Result<(), WaitError> {
        self.call_within(&until.into(), work, Location::caller())
            .map_err(WaitError::from)
    }

    /// [`call_until`](Self::call_until) with a duration.
    ///
    /// # Errors
    /// As [`call_until`](Self::call_until).
    #[track_caller]
    pub fn call_timeout(&self, time: Duration, work: impl FnOnce(Start)) -> Result<(), WaitError> {
        self.call_until(time, work)
    }

    /// Does the work if nobody has and nobody is at it; whether it is done then, by whomever.
    ///
    /// ```
    /// let once = sync::Once::new()?;
    /// assert!(once.try_call(|_| {}));
    /// assert!(once.try_call(|_| unreachable!("it was done")));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn try_call(&self, work: impl FnOnce(Start)) -> bool {
        self.call_within(&Until::from(Duration::ZERO), work, Location::caller())
            .is_ok()
    }

    /// Whether it was done.
    pub fn is_done(&self) -> bool {
        done::is_done(self.object.memory())
    }

    fn call_within(
        &self,
        until: &Until,
        work: impl FnOnce(Start),
        caller: &'static Location<'static>,
    ) -> Result<(), Over> {
        if self.is_done() {
            return Ok(());
        }
        let _told = Operation::begin("once", self.object.id(), until, caller);
        if let Some(turn) = done::take_turn(self.object.memory(), until)? {
            work(match turn.news {
                News::None => Start::Fresh,
                News::Died(_) => Start::AfterDeath,
            });
            turn.done();
        }
        Ok(())
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once")
            .field("is_done", &self.is_done())
            .finish_non_exhaustive()
    }
}

impl Serialize for Once {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.object.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = Object::deserialize(deserializer, &KIND)?;
        Ok(Self { object })
    }
}
