//! `Event`: a flag that many wait for, in any process.
//!
//! Invariant: setting never waits for a waiter. Waiters are in no memory, so one that dies is missed by nobody. The protocol is
//! `flag.rs`.

use std::fmt;
use std::io;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use core_process::{Until, WaitError};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::flag;
use crate::object::{Kind, Object};
use crate::pace::Over;
use crate::seen::{self, Operation};
use crate::sys::memory::Memory;

const KIND: Kind = Kind {
    name: "event",
    number: 0x0301,
    len: 128,
};

/// A flag that any process can set and clear, and any number wait for: `multiprocessing.Event`.
///
/// An event is a value, as every object of this crate. [`set`](Self::set) never waits: not for sleepers to wake, as CPython does (and hangs
/// when one of them was killed), nor for a lock; so a signal handler may call it.
///
/// A waiter returns when the flag was set after it began to wait, even if it was cleared again at once.
///
/// ```
/// use core_process::Process;
/// use sync::Event;
///
/// fn work(go: Event) -> u32 {
///     go.wait();
///     42
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     core_process::init();
///     let go = Event::new()?;
///     let child = Process::new(work, go.clone()).start()?;
///     go.set();
///     assert_eq!(child.join()?, 42);
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct Event {
    object: Arc<Object>,
}

impl Event {
    /// A new event, not set.
    ///
    /// # Errors
    /// As [`Lock::new`](crate::Lock::new).
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            object: Object::create(&KIND, |_| {})?,
        })
    }

    /// Whether it is set.
    pub fn is_set(&self) -> bool {
        flag::look(self.memory()).is_set()
    }

    /// Sets the flag and lets all who wait go on. Again changes nothing.
    ///
    /// It takes no lock, allocates nothing and waits for nobody: a signal handler may call it.
    #[track_caller]
    pub fn set(&self) {
        flag::set(self.memory());
        seen::point("set", self.object.id(), 0, Location::caller());
    }

    /// Takes the flag down. Who waited before the last set goes on all the same.
    #[track_caller]
    pub fn clear(&self) {
        flag::clear(self.memory());
        seen::point("clear", self.object.id(), 0, Location::caller());
    }

    /// Waits until the flag is set.
    #[track_caller]
    pub fn wait(&self) {
        let done = self.wait_for(&Until::forever(), Location::caller());
        debug_assert_eq!(done, Ok(()));
    }

    /// Waits until the flag is set or the wait is over. A token is looked at every 20 ms.
    ///
    /// # Errors
    /// [`WaitError::TimedOut`] or [`WaitError::Stopped`]: it was not set meanwhile.
    #[track_caller]
    pub fn wait_until(&self, until: impl Into<Until>) -> Result<(), WaitError> {
        self.wait_for(&until.into(), Location::caller())
            .map_err(WaitError::from)
    }

    /// [`wait_until`](Self::wait_until) with a duration. `try_wait` of other objects is [`is_set`](Self::is_set) here.
    ///
    /// # Errors
    /// As [`wait_until`](Self::wait_until).
    #[track_caller]
    pub fn wait_timeout(&self, time: Duration) -> Result<(), WaitError> {
        self.wait_until(time)
    }

    fn wait_for(&self, until: &Until, caller: &'static Location<'static>) -> Result<(), Over> {
        let first = flag::look(self.memory());
        if first.is_set() {
            return Ok(());
        }
        let _told = Operation::begin("event", self.object.id(), until, caller);
        flag::wait(self.memory(), first, until)
    }

    #[inline]
    fn memory(&self) -> &Memory {
        self.object.memory()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("is_set", &self.is_set())
            .finish_non_exhaustive()
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.object.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = Object::deserialize(deserializer, &KIND)?;
        Ok(Self { object })
    }
}
