//! `Condition`: the holder of a lock waits, without the lock, until another holder gives notice.
//!
//! Invariant: waiting and notifying are done by who holds the lock. The protocol is `notices.rs`; here it is joined to an `RLock`, which
//! is an object of its own and may have several conditions.

use std::fmt;
use std::io;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use core_process::Until;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::exclusion::News;
use crate::ledger;
use crate::member::{Member, NoPlace};
use crate::notices::Notices;
use crate::object::Kind;
use crate::owner_died::{Inherited, LockError, OwnerDied, TryLockError};
use crate::pace::Over;
use crate::rlock::{RGuard, RLock};
use crate::seen::{self, Operation};
use crate::wakes::Wakes;

const KIND: Kind = Kind {
    name: "condition",
    number: 0x0602,
    len: ledger::LEN,
};

/// A lock whose holder can wait for a notice: `multiprocessing.Condition`.
///
/// The lock is an [`RLock`], its own or one that several conditions share. Waiting and notifying are methods of the guard, so neither
/// can be done without the lock. Notifying never waits: not for a waiter to wake, as CPython does (and hangs when one was killed).
///
/// What is waited for is a state, and the notice says only that it may have changed: use [`wait_for`](ConditionGuard::wait_for), or wait in
/// a `while`.
///
/// ```
/// use sync::Condition;
///
/// let ready = Condition::new()?;
/// let state = std::sync::atomic::AtomicBool::new(false); // in shared memory, between processes
/// # use std::sync::atomic::Ordering::Relaxed;
/// std::thread::scope(|scope| {
///     scope.spawn(|| {
///         let guard = ready.lock().unwrap();
///         state.store(true, Relaxed);
///         guard.notify_one();
///     });
///     let mut guard = ready.lock().unwrap();
///     guard.wait_for(|| state.load(Relaxed)).unwrap();
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Condition {
    lock: RLock,
    member: Arc<Member>,
}

/// The condition's lock held.
#[must_use = "the lock is released at once if the guard is not kept: `let _guard = ...` keeps it, `let _ = ...` does not"]
pub struct ConditionGuard<'a> {
    condition: &'a Condition,
    // In this order: who is woken needs the lock.
    guard: RGuard<'a>,
    wakes: Wakes<'a>,
}

impl Condition {
    /// A condition with a lock of its own.
    ///
    /// # Errors
    /// As [`Lock::new`](crate::Lock::new).
    pub fn new() -> io::Result<Self> {
        Self::with(&RLock::new()?)
    }

    /// A condition of this lock, which may have others.
    ///
    /// # Errors
    /// As [`Lock::new`](crate::Lock::new).
    pub fn with(lock: &RLock) -> io::Result<Self> {
        Ok(Self {
            lock: lock.clone(),
            member: Member::create(&KIND, |_| {})?,
        })
    }

    /// Waits until the lock is free or the caller's own, and takes it once more.
    ///
    /// # Errors
    /// As [`RLock::lock`].
    #[track_caller]
    pub fn lock(&self) -> Result<ConditionGuard<'_>, OwnerDied<ConditionGuard<'_>>> {
        match self.lock.lock() {
            Ok(guard) => Ok(self.holding(guard)),
            Err(died) => Err(died.map(|guard| self.holding(guard))),
        }
    }

    /// Takes the lock if it is free or the caller's own.
    ///
    /// # Errors
    /// As [`RLock::try_lock`].
    pub fn try_lock(&self) -> Result<ConditionGuard<'_>, TryLockError<ConditionGuard<'_>>> {
        match self.lock.try_lock() {
            Ok(guard) => Ok(self.holding(guard)),
            Err(error) => Err(error.map(|guard| self.holding(guard))),
        }
    }

    /// Waits for the lock, or until the wait is over.
    ///
    /// # Errors
    /// As [`RLock::lock_until`].
    #[track_caller]
    pub fn lock_until(
        &self,
        until: impl Into<Until>,
    ) -> Result<ConditionGuard<'_>, LockError<ConditionGuard<'_>>> {
        match self.lock.lock_until(until) {
            Ok(guard) => Ok(self.holding(guard)),
            Err(error) => Err(error.map(|guard| self.holding(guard))),
        }
    }

    /// [`lock_until`](Self::lock_until) with a duration.
    ///
    /// # Errors
    /// As [`lock_until`](Self::lock_until).
    #[track_caller]
    pub fn lock_timeout(&self, time: Duration) -> Result<ConditionGuard<'_>, LockError<ConditionGuard<'_>>> {
        self.lock_until(time)
    }

    fn holding<'a>(&'a self, guard: RGuard<'a>) -> ConditionGuard<'a> {
        ConditionGuard {
            condition: self,
            guard,
            wakes: Wakes::of(self.notices()),
        }
    }

    fn notices(&self) -> Notices<'_> {
        Notices {
            memory: self.member.memory(),
            lock: self.lock.memory(),
        }
    }
}

impl ConditionGuard<'_> {
    /// Releases the lock, all its levels, waits for a notice, and takes the lock again, as deep as it was.
    ///
    /// # Errors
    /// The lock is held again in any case. [`ConditionError::OwnerDied`]: a former owner died with it meanwhile;
    /// [`ConditionError::NoPlace`]: this process cannot wait here, and has not.
    #[track_caller]
    pub fn wait(&mut self) -> Result<(), ConditionError> {
        self.sleep(&Until::forever(), Location::caller())
    }

    /// [`wait`](Self::wait), or until the wait is over. After the deadline the lock is still waited for.
    ///
    /// # Errors
    /// [`ConditionError::TimedOut`], [`ConditionError::Stopped`]: there was no notice. Otherwise as [`wait`](Self::wait).
    #[track_caller]
    pub fn wait_until(&mut self, until: impl Into<Until>) -> Result<(), ConditionError> {
        self.sleep(&until.into(), Location::caller())
    }

    /// [`wait_until`](Self::wait_until) with a duration.
    ///
    /// # Errors
    /// As [`wait_until`](Self::wait_until).
    #[track_caller]
    pub fn wait_timeout(&mut self, time: Duration) -> Result<(), ConditionError> {
        self.sleep(&Until::from(time), Location::caller())
    }

    /// Waits until `state` is true, which it is asked under the lock: at once, and after every notice.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    #[track_caller]
    pub fn wait_for(&mut self, state: impl FnMut() -> bool) -> Result<(), ConditionError> {
        self.wait_for_until(Until::forever(), state)
    }

    /// [`wait_for`](Self::wait_for), or until the wait is over; `state` is asked once more then.
    ///
    /// # Errors
    /// [`ConditionError::TimedOut`], [`ConditionError::Stopped`]: `state` is not true. Otherwise as [`wait`](Self::wait).
    #[track_caller]
    pub fn wait_for_until(
        &mut self,
        until: impl Into<Until>,
        mut state: impl FnMut() -> bool,
    ) -> Result<(), ConditionError> {
        let (until, caller) = (until.into(), Location::caller());
        while !state() {
            match self.sleep(&until, caller) {
                Ok(()) => {}
                Err(ConditionError::TimedOut | ConditionError::Stopped) if state() => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// [`wait_for_until`](Self::wait_for_until) with a duration.
    ///
    /// # Errors
    /// As [`wait_for_until`](Self::wait_for_until).
    #[track_caller]
    pub fn wait_for_timeout(
        &mut self,
        time: Duration,
        state: impl FnMut() -> bool,
    ) -> Result<(), ConditionError> {
        self.wait_for_until(time, state)
    }

    /// Gives one notice: one of those that wait goes on when the lock is free. It waits for nobody, and if nobody waits it is
    /// forgotten.
    #[track_caller]
    pub fn notify_one(&self) {
        self.give(1, Location::caller());
    }

    /// Gives so many notices: at most so many go on.
    #[track_caller]
    pub fn notify(&self, count: u32) {
        self.give(count, Location::caller());
    }

    /// All that wait go on, one after another.
    #[track_caller]
    pub fn notify_all(&self) {
        self.give(u32::MAX, Location::caller());
    }

    /// How many wait, without those that have died.
    pub fn waiting(&self) -> u32 {
        self.wakes.waiting()
    }

    /// How many guards of the lock its owner has, this one included.
    pub fn depth(&self) -> u32 {
        self.guard.depth()
    }

    /// Says that what a dead owner left is whole; after [`ConditionError::OwnerDied`].
    pub fn repaired(&self) {
        self.guard.repaired();
    }

    fn give(&self, count: u32, caller: &'static Location<'static>) {
        self.wakes.give(count);
        seen::point("notify", self.condition.member.id(), count.into(), caller);
    }

    fn sleep(&mut self, until: &Until, caller: &'static Location<'static>) -> Result<(), ConditionError> {
        let member = &self.condition.member;
        let _told = Operation::begin("condition", member.id(), until, caller);
        let slot = member.slot().map_err(ConditionError::NoPlace)?;
        let waited = self.wakes.wait(slot, until);
        match waited.news {
            News::None => waited.outcome.map_err(ConditionError::from),
            News::Died(pid) => Err(ConditionError::OwnerDied { pid }),
        }
    }
}

impl Inherited for ConditionGuard<'_> {
    fn repaired(&self) {
        self.guard.repaired();
    }
}

/// Why a wait on a condition ended without a notice. The lock is held again.
#[derive(Debug)]
pub enum ConditionError {
    /// The deadline passed.
    TimedOut,
    /// The stop token was stopped.
    Stopped,
    /// An owner of the lock died with it: what it protects may be half changed. There may have been a notice as well, so look at the state
    /// before waiting again; [`ConditionGuard::repaired`] says that all is well.
    OwnerDied {
        /// The pid that it had.
        pid: u32,
    },
    /// This process cannot wait here.
    NoPlace(NoPlace),
}

impl From<Over> for ConditionError {
    fn from(over: Over) -> Self {
        match over {
            Over::TimedOut => Self::TimedOut,
            Over::Stopped => Self::Stopped,
        }
    }
}

impl fmt::Display for ConditionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("there was no notice in time"),
            Self::Stopped => f.write_str("the wait for a notice was stopped by its stop token"),
            Self::OwnerDied { pid } => write!(
                f,
                "an owner of the lock (pid {pid}) died with it; what it protects may be half changed"
            ),
            Self::NoPlace(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ConditionError {}

impl fmt::Debug for ConditionGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConditionGuard")
            .field("depth", &self.depth())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condition")
            .field("lock", &self.lock)
            .finish_non_exhaustive()
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.lock, &*self.member).serialize(serializer)
    }
}

/// The condition's own memory, as the second half of the value.
struct Received(Arc<Member>);

impl<'de> Deserialize<'de> for Received {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Member::deserialize(deserializer, &KIND).map(Self)
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (lock, Received(member)) = <(RLock, Received)>::deserialize(deserializer)?;
        Ok(Self { lock, member })
    }
}
