//! `Semaphore`: so many at a time, and a permit comes back when its holder dies.
//!
//! Invariant: a permit in a program is one in the ledger, and gives it back once. The protocol is `permits.rs`.

use std::fmt;
use std::io;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use core_process::Until;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::bounded_semaphore::AboveBound;
use crate::identity;
use crate::ledger::{self, Slot};
use crate::member::{Member, NoPlace};
use crate::object::Kind;
use crate::pace::Over;
use crate::permits;
use crate::seen::{self, Operation};
use crate::sys::memory::Memory;

const KIND: Kind = Kind {
    name: "semaphore",
    number: 0x0402,
    len: ledger::LEN,
};

/// No epoch.
const SPENT: u32 = 0;

/// A number of permits: `multiprocessing.Semaphore`.
///
/// A permit belongs to the process that acquired it. If the process dies, by whatever, its permits come back, and a waiter has one within
/// 20 ms or so (CPython's waiter has it never). A permit can go to another thread of the process, not to another process; who wants
/// to give away a token for good forgets the permit here ([`Permit::forget`]) and lets the other [`release`](Self::release).
///
/// A semaphore is a value, as every object of this crate.
///
/// ```
/// let tickets = sync::Semaphore::new(2)?;
/// let one = tickets.acquire()?;
/// let two = tickets.acquire()?;
/// assert!(tickets.try_acquire().is_err());
/// drop(one);
/// let three = tickets.try_acquire()?;
/// # drop((two, three));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A number below zero is refused by the type:
///
/// ```compile_fail
/// let tickets = sync::Semaphore::new(-1);
/// ```
#[derive(Clone)]
pub struct Semaphore {
    member: Arc<Member>,
}

/// A permit held. Dropping it gives it back.
#[must_use = "the permit goes back at once if it is not kept"]
#[derive(Debug)]
pub struct Permit {
    member: Arc<Member>,
    /// A copy in a forked child is none, nor is one that is `SPENT`.
    epoch: u32,
}

impl Semaphore {
    /// A semaphore with so many permits, all free.
    ///
    /// # Errors
    /// As [`Lock::new`](crate::Lock::new).
    pub fn new(permits: u32) -> io::Result<Self> {
        Self::with_bound(permits, u32::MAX)
    }

    pub(crate) fn with_bound(permits: u32, bound: u32) -> io::Result<Self> {
        Ok(Self {
            member: Member::create(&KIND, |memory| permits::lay_out(memory, permits, bound))?,
        })
    }

    /// Waits for a permit and takes it.
    ///
    /// # Errors
    /// [`NoPlace`]: this process cannot have permits.
    #[track_caller]
    pub fn acquire(&self) -> Result<Permit, NoPlace> {
        match self.acquire_until(Until::forever()) {
            Ok(permit) => Ok(permit),
            Err(AcquireError::NoPlace(error)) => Err(error),
            Err(AcquireError::TimedOut | AcquireError::Stopped) => unreachable!("nothing ends this wait"),
        }
    }

    /// Takes a permit if one is free.
    ///
    /// # Errors
    /// [`TryAcquireError::WouldBlock`] if none is; [`TryAcquireError::NoPlace`]: this process cannot have permits.
    pub fn try_acquire(&self) -> Result<Permit, TryAcquireError> {
        match permits::try_acquire(self.member.memory(), || self.member.slot()) {
            Ok(true) => Ok(self.permit()),
            Ok(false) => Err(TryAcquireError::WouldBlock),
            Err(error) => Err(TryAcquireError::NoPlace(error)),
        }
    }

    /// Waits for a permit and takes it, or until the wait is over.
    ///
    /// # Errors
    /// [`AcquireError::TimedOut`], [`AcquireError::Stopped`]: none became free; [`AcquireError::NoPlace`]: this process cannot have
    /// permits.
    #[track_caller]
    pub fn acquire_until(&self, until: impl Into<Until>) -> Result<Permit, AcquireError> {
        let until = until.into();
        let _told = Operation::begin("acquire", self.member.id(), &until, Location::caller());
        let slot = || self.member.slot().map_err(AcquireError::NoPlace);
        permits::acquire(self.member.memory(), slot, &until)?;
        Ok(self.permit())
    }

    /// [`acquire_until`](Self::acquire_until) with a duration.
    ///
    /// # Errors
    /// As [`acquire_until`](Self::acquire_until).
    #[track_caller]
    pub fn acquire_timeout(&self, time: Duration) -> Result<Permit, AcquireError> {
        self.acquire_until(time)
    }

    /// Makes one more permit, which may be more than there were in the beginning: a token for whoever waits. (A permit that is
    /// held goes back by its drop.)
    ///
    /// # Errors
    /// [`AboveBound`]: four billion permits exist already.
    #[track_caller]
    pub fn release(&self) -> Result<(), AboveBound> {
        permits::release(self.member.memory()).map_err(|full| AboveBound::new(full.0))?;
        seen::point("release", self.member.id(), 0, Location::caller());
        Ok(())
    }

    /// How many permits are free: `get_value()` in Python. It may have changed when the answer comes.
    pub fn available(&self) -> u32 {
        permits::available(self.member.memory())
    }

    fn permit(&self) -> Permit {
        Permit {
            member: Arc::clone(&self.member),
            epoch: identity::epoch(),
        }
    }
}

impl Permit {
    /// Keeps the permit from coming back, ever: there is one less.
    ///
    /// A process killed in this call has forgotten it, or its permit comes back.
    pub fn forget(mut self) {
        self.end(permits::forget);
        self.epoch = SPENT;
    }

    fn end(&self, how: fn(&Memory, Slot<'_>)) {
        if self.epoch != identity::epoch() {
            return;
        }
        if let Some(slot) = self.member.own_slot() {
            how(self.member.memory(), slot);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.end(permits::give_back);
        seen::point("permit", self.member.id(), 0, Location::caller());
    }
}

/// Why no permit was taken at once.
#[derive(Debug)]
pub enum TryAcquireError {
    /// None is free.
    WouldBlock,
    /// This process cannot have one.
    NoPlace(NoPlace),
}

/// Why no permit was taken.
#[derive(Debug)]
pub enum AcquireError {
    /// The deadline passed.
    TimedOut,
    /// The stop token was stopped.
    Stopped,
    /// This process cannot have one.
    NoPlace(NoPlace),
}

impl From<Over> for AcquireError {
    fn from(over: Over) -> Self {
        match over {
            Over::TimedOut => Self::TimedOut,
            Over::Stopped => Self::Stopped,
        }
    }
}

impl fmt::Display for TryAcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WouldBlock => f.write_str("no permit is free"),
            Self::NoPlace(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("no permit became free in time"),
            Self::Stopped => f.write_str("the wait for a permit was stopped by its stop token"),
            Self::NoPlace(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TryAcquireError {}
impl std::error::Error for AcquireError {}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("free", &permits::free(self.member.memory()))
            .finish_non_exhaustive()
    }
}

impl Serialize for Semaphore {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.member.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Semaphore {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self {
            member: Member::deserialize(deserializer, &KIND)?,
        })
    }
}
