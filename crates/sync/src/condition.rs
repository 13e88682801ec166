//! `Condition`: the holder of a lock waits, without the lock, until another holder gives notice.
//!
//! Invariant: notices are numbers under the lock, and each is taken by one of those that waited when it was given, whichever comes
//! first. So one meant for a waiter that dies goes to another, and none is kept for who comes later. The steps, and what a death at
//! each leaves, are in `README.md` beside this file.
//!
//! | offset | word | what |
//! | --- | --- | --- |
//! | 128 | `CALL` | raised by every notice: who sleeps has to look |
//! | 132 | `TICKET` | the number of the next to wait |
//! | 136 | `LIMIT` | who has a lower number may take a notice |
//! | 140 | `NOTICES` | given and not yet taken |
//!
//! A slot's `COUNT` is how many threads of the process wait.

use std::fmt;
use std::io;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use core_process::Until;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::exclusion::{self, News};
use crate::ledger::{self, Member, NoPlace};
use crate::object::{Kind, Object};
use crate::owner_died::{Inherited, LockError, OwnerDied, TryLockError};
use crate::pace::{Over, Watch, next_sleep};
use crate::rlock::{RGuard, RLock};
use crate::seen::{self, Operation};
use crate::sys::futex;

const KIND: Kind = Kind {
    name: "condition",
    number: 0x0601,
    len: ledger::LEN,
};

const CALL: usize = 128;
const TICKET: usize = 132;
const LIMIT: usize = 136;
const NOTICES: usize = 140;

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
#[must_use = "the lock is released at once if the guard is not kept"]
pub struct ConditionGuard<'a> {
    condition: &'a Condition,
    guard: RGuard<'a>,
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
            member: Arc::new(Member::new(Object::create(&KIND, |_| {})?)),
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

    fn holding<'a>(&'a self, guard: RGuard<'a>) -> ConditionGuard<'a> {
        ConditionGuard {
            condition: self,
            guard,
        }
    }

    fn word(&self, offset: usize) -> &AtomicU32 {
        self.member.object().memory().word(offset)
    }

    /// Takes a notice, if there is one for this number. Under the lock.
    fn take_notice(&self, ticket: u32) -> bool {
        let notices = self.word(NOTICES).load(Relaxed);
        // Numbers wrap: lower is less than half a turn behind.
        let is_lower = ticket.wrapping_sub(self.word(LIMIT).load(Relaxed)).cast_signed() < 0;
        if notices == 0 || !is_lower {
            return false;
        }
        self.word(NOTICES).store(notices - 1, Relaxed);
        true
    }

    /// How many wait, without the dead. Under the lock.
    fn waiting(&self) -> u32 {
        self.member.bury(|_| {});
        self.member.slots().map(|slot| slot.count()).sum()
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
        self.condition.waiting()
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
        let condition = self.condition;
        let call = condition.word(CALL);
        // The call first: whoever looks needs the lock, and so comes when all is written, or when this process has died.
        call.store(call.load(Relaxed).wrapping_add(1), Relaxed);
        let notices = condition.word(NOTICES).load(Relaxed).saturating_add(count);
        let ticket = condition.word(TICKET).load(Relaxed);
        condition.word(LIMIT).store(ticket, Relaxed);
        // No more than there are to take them: what was meant for the dead is not kept for who comes later.
        let notices = notices.min(condition.waiting());
        condition.word(NOTICES).store(notices, Relaxed);
        if notices > 0 {
            futex::wake(call, count.min(i32::MAX.cast_unsigned()));
        }
        seen::point("notify", condition.member.object().id(), count.into(), caller);
    }

    fn sleep(&mut self, until: &Until, caller: &'static Location<'static>) -> Result<(), ConditionError> {
        let condition = self.condition;
        let _told = Operation::begin("condition", condition.member.object().id(), until, caller);
        let slot = condition.member.slot().map_err(ConditionError::NoPlace)?;
        slot.set_count(slot.count() + 1);
        let ticket = condition.word(TICKET).load(Relaxed);
        condition.word(TICKET).store(ticket.wrapping_add(1), Relaxed);
        let memory = condition.lock.memory();
        let depth = exclusion::depth(memory);
        let mut seen = condition.word(CALL).load(Relaxed);
        (0..depth).for_each(|_| exclusion::release(memory));
        let mut died = None;
        let outcome = loop {
            let over = match next_sleep(until, Watch::Wakes) {
                Ok(longest) => {
                    futex::sleep(condition.word(CALL), seen, longest);
                    None
                }
                Err(over) => Some(over),
            };
            // Relaxed: the number is a hint to look, and the look is under the lock.
            if over.is_none() && condition.word(CALL).load(Relaxed) == seen {
                continue;
            }
            if let Ok(News::Died(pid)) = exclusion::take(memory, &Until::forever()) {
                died = Some(pid);
            }
            if condition.take_notice(ticket) {
                break Ok(());
            }
            if let Some(over) = over {
                break Err(ConditionError::from(over));
            }
            seen = condition.word(CALL).load(Relaxed);
            exclusion::release(memory);
        };
        slot.set_count(slot.count().saturating_sub(1));
        // It is the caller's own now: nothing to wait for.
        for _ in 1..depth {
            let _ = exclusion::take(memory, &Until::forever());
        }
        match died {
            Some(pid) => Err(ConditionError::OwnerDied { pid }),
            None => outcome,
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
        (&self.lock, Memory(&self.member)).serialize(serializer)
    }
}

/// The condition's own memory, as the second half of the value.
struct Memory<'a>(&'a Member);

impl Serialize for Memory<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.object().serialize(serializer)
    }
}

struct Received(Arc<Object>);

impl<'de> Deserialize<'de> for Received {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Object::deserialize(deserializer, &KIND).map(Self)
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (lock, Received(object)) = <(RLock, Received)>::deserialize(deserializer)?;
        Ok(Self {
            lock,
            member: Arc::new(Member::new(object)),
        })
    }
}
