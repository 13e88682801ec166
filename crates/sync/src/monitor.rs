//! `Monitor`: a value in shared memory, the lock that lets one at a time have it, and the notices that it has changed.
//!
//! Invariant: the value is reached by who holds the lock, and by nobody else. The lock is `exclusion.rs`, not re-entrant, since two guards would be
//! two exclusive references; the notices are `notices.rs`; both are in one memory with the value (`sys/value.rs`).
#![allow(unsafe_code, reason = "who holds the lock has the value")]

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use core_process::Until;
use core_process::shm::Shared;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::condition::ConditionError;
use crate::exclusion::{self, News};
use crate::ledger;
use crate::member::Member;
use crate::notices::Notices;
use crate::object::Kind;
use crate::owner_died::{Inherited, LockError, OwnerDied, TryLockError};
use crate::pace::Over;
use crate::seen::{self, Operation};
use crate::sys::memory::{Memory, Nesting};
use crate::sys::value;
use crate::wakes::Wakes;

/// Where the value's head is: after the lock, the notices and the ledger.
const VALUE: usize = ledger::LEN;

/// A value that processes share, with its lock and its condition: `Mutex<T>` and `Condvar` in one. Python has none.
///
/// [`lock`](Self::lock) gives a guard, and the guard is the way to the value: it cannot be reached without the lock, which a `Lock` beside
/// a segment cannot promise. What waits for a state of the value waits on the guard, and is asked again after each notice.
///
/// The type is one that may live in shared memory: [`Shared`] says which, and `#[derive(Shared)]` checks it. A monitor is a value itself: an argument, a field, a message.
///
/// An owner that dies leaves [`OwnerDied`] to the next, with the guard and so with the value, which may be half changed; a process that
/// dies waiting costs nobody anything. A second [`lock`](Self::lock) by the thread that has the guard blocks for ever.
///
/// ```
/// use core_process::{Process, shm::Shared};
/// use sync::Monitor;
///
/// #[repr(C)]
/// #[derive(Shared)]
/// struct Stock {
///     items: u32,
/// }
///
/// fn take(stock: Monitor<Stock>) {
///     let mut stock = stock.lock().unwrap();
///     stock.wait_for(|stock| stock.items > 0).unwrap();
///     stock.items -= 1;
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     core_process::init();
///     let stock = Monitor::new(Stock { items: 0 })?;
///     let child = Process::new(take, stock.clone()).start()?;
///     let mut guard = stock.lock().unwrap();
///     guard.items += 1;
///     guard.notify_one();
///     drop(guard);
///     child.join()?;
///     assert_eq!(stock.lock().unwrap().items, 0);
///     Ok(())
/// }
/// ```
///
/// The value does not leave its guard:
///
/// ```compile_fail,E0505
/// let monitor = sync::Monitor::new(7_u64).unwrap();
/// let guard = monitor.lock().unwrap();
/// let inside: &u64 = &guard;
/// drop(guard);
/// assert_eq!(*inside, 7);
/// ```
pub struct Monitor<T: Shared> {
    member: Arc<Member>,
    holds: PhantomData<Arc<T>>,
}

/// The monitor's lock held, and the value. Dropping it releases the lock.
#[must_use = "the lock is released at once if the guard is not kept: `let _guard = ...` keeps it, `let _ = ...` does not"]
pub struct MonitorGuard<'a, T: Shared> {
    monitor: &'a Monitor<T>,
    wakes: Wakes<'a>,
    /// The C library knows the owner by its thread.
    stays: PhantomData<*const ()>,
}

impl<T: Shared> Monitor<T> {
    const KIND: Kind = Kind {
        name: "monitor",
        number: 0x0901,
        len: value::len::<T>(VALUE),
    };

    /// A monitor of `value`, free.
    ///
    /// # Errors
    /// As [`Lock::new`](crate::Lock::new).
    pub fn new(value: T) -> io::Result<Self> {
        let member = Member::create(&Self::KIND, |memory| {
            exclusion::lay_out(memory, Nesting::Refused);
            value::put(memory, VALUE, value);
        })?;
        Ok(Self::of(member))
    }

    fn of(member: Arc<Member>) -> Self {
        Self {
            member,
            holds: PhantomData,
        }
    }

    /// Waits until the lock is free and takes it.
    ///
    /// # Errors
    /// [`OwnerDied`]: it is taken, and a former owner died with it; the value may be half changed.
    #[track_caller]
    pub fn lock(&self) -> Result<MonitorGuard<'_, T>, OwnerDied<MonitorGuard<'_, T>>> {
        match self.lock_until(Until::forever()) {
            Ok(guard) => Ok(guard),
            Err(LockError::OwnerDied(died)) => Err(died),
            Err(LockError::TimedOut | LockError::Stopped) => unreachable!("nothing ends this wait"),
        }
    }

    /// Takes the lock if it is free.
    ///
    /// # Errors
    /// As [`Lock::try_lock`](crate::Lock::try_lock).
    pub fn try_lock(&self) -> Result<MonitorGuard<'_, T>, TryLockError<MonitorGuard<'_, T>>> {
        match exclusion::try_take(self.memory()) {
            None => Err(TryLockError::WouldBlock),
            Some(news) => self.guard(news).map_err(TryLockError::OwnerDied),
        }
    }

    /// Waits until the lock is free and takes it, or until the wait is over.
    ///
    /// # Errors
    /// As [`Lock::lock_until`](crate::Lock::lock_until).
    #[track_caller]
    pub fn lock_until(
        &self,
        until: impl Into<Until>,
    ) -> Result<MonitorGuard<'_, T>, LockError<MonitorGuard<'_, T>>> {
        let until = until.into();
        let _told = Operation::begin("lock", self.member.id(), &until, Location::caller());
        match exclusion::take(self.memory(), &until) {
            Ok(news) => self.guard(news).map_err(LockError::OwnerDied),
            Err(Over::TimedOut) => Err(LockError::TimedOut),
            Err(Over::Stopped) => Err(LockError::Stopped),
        }
    }

    /// [`lock_until`](Self::lock_until) with a duration.
    ///
    /// # Errors
    /// As [`lock_until`](Self::lock_until).
    #[track_caller]
    pub fn lock_timeout(
        &self,
        time: Duration,
    ) -> Result<MonitorGuard<'_, T>, LockError<MonitorGuard<'_, T>>> {
        self.lock_until(time)
    }

    /// Whether somebody holds it, or has died with it. It may have changed when the answer comes.
    pub fn is_locked(&self) -> bool {
        exclusion::is_held(self.memory())
    }

    fn guard(&self, news: News) -> Result<MonitorGuard<'_, T>, OwnerDied<MonitorGuard<'_, T>>> {
        let guard = MonitorGuard {
            monitor: self,
            wakes: Wakes::of(self.notices()),
            stays: PhantomData,
        };
        match news {
            News::None => Ok(guard),
            News::Died(pid) => Err(OwnerDied::new(guard, pid)),
        }
    }

    fn memory(&self) -> &Memory {
        self.member.memory()
    }

    fn notices(&self) -> Notices<'_> {
        Notices {
            memory: self.memory(),
            lock: self.memory(),
        }
    }
}

impl<T: Shared> MonitorGuard<'_, T> {
    /// Releases the lock, waits for a notice, and takes the lock again. The value may be another one then: see [`wait_for`](Self::wait_for).
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

    /// Waits until the value is as wanted: `state` is asked at once, and after every notice.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    #[track_caller]
    pub fn wait_for(&mut self, state: impl FnMut(&T) -> bool) -> Result<(), ConditionError> {
        self.wait_while_not(&Until::forever(), state, Location::caller())
    }

    /// [`wait_for`](Self::wait_for), or until the wait is over; `state` is asked once more then.
    ///
    /// # Errors
    /// [`ConditionError::TimedOut`], [`ConditionError::Stopped`]: the value is not as wanted. Otherwise as [`wait`](Self::wait).
    #[track_caller]
    pub fn wait_for_until(
        &mut self,
        until: impl Into<Until>,
        state: impl FnMut(&T) -> bool,
    ) -> Result<(), ConditionError> {
        self.wait_while_not(&until.into(), state, Location::caller())
    }

    /// [`wait_for_until`](Self::wait_for_until) with a duration.
    ///
    /// # Errors
    /// As [`wait_for_until`](Self::wait_for_until).
    #[track_caller]
    pub fn wait_for_timeout(
        &mut self,
        time: Duration,
        state: impl FnMut(&T) -> bool,
    ) -> Result<(), ConditionError> {
        self.wait_while_not(&Until::from(time), state, Location::caller())
    }

    /// Gives one notice: one of those that wait looks at the value when the lock is free. It waits for nobody, and if nobody waits it is
    /// forgotten.
    #[track_caller]
    pub fn notify_one(&self) {
        self.give(1, Location::caller());
    }

    /// Gives so many notices: at most so many look.
    #[track_caller]
    pub fn notify(&self, count: u32) {
        self.give(count, Location::caller());
    }

    /// All that wait look at the value, one after another.
    #[track_caller]
    pub fn notify_all(&self) {
        self.give(u32::MAX, Location::caller());
    }

    /// How many wait, without those that have died.
    pub fn waiting(&self) -> u32 {
        self.wakes.waiting()
    }

    /// Says that the value that a dead owner left is whole; after [`ConditionError::OwnerDied`].
    pub fn repaired(&self) {
        exclusion::repaired(self.monitor.memory());
    }

    fn wait_while_not(
        &mut self,
        until: &Until,
        mut state: impl FnMut(&T) -> bool,
        caller: &'static Location<'static>,
    ) -> Result<(), ConditionError> {
        while !state(self) {
            match self.sleep(until, caller) {
                Ok(()) => {}
                Err(ConditionError::TimedOut | ConditionError::Stopped) if state(self) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn give(&self, count: u32, caller: &'static Location<'static>) {
        self.wakes.give(count);
        seen::point("notify", self.monitor.member.id(), count.into(), caller);
    }

    /// `&mut self`: no reference to the value outlasts the lock.
    fn sleep(&mut self, until: &Until, caller: &'static Location<'static>) -> Result<(), ConditionError> {
        self.assert_mine();
        let member = &self.monitor.member;
        let _told = Operation::begin("condition", member.id(), until, caller);
        let slot = member.slot().map_err(ConditionError::NoPlace)?;
        let waited = self.wakes.wait(slot, until);
        match waited.news {
            News::None => waited.outcome.map_err(ConditionError::from),
            News::Died(pid) => Err(ConditionError::OwnerDied { pid }),
        }
    }

    /// A forked child has a copy of its parent's guard, and not the lock.
    #[inline]
    fn assert_mine(&self) {
        assert!(
            exclusion::is_mine(self.monitor.memory()),
            "this guard is a copy in a forked child: the lock, and the value, are its parent's"
        );
    }
}

impl<T: Shared> Deref for MonitorGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.assert_mine();
        let value = value::at::<T>(self.monitor.memory(), VALUE);
        // SAFETY: a `T` was put there or checked, and all bytes are one (`Shared`). The guard is the lock held, by this thread, so nobody
        // else has a reference; the mapping lives as long as the monitor, which is borrowed.
        unsafe { value.as_ref() }
    }
}

impl<T: Shared> DerefMut for MonitorGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.assert_mine();
        let mut value = value::at::<T>(self.monitor.memory(), VALUE);
        // SAFETY: as in `deref`; the lock is not re-entrant, so there is one guard, and `&mut self` shows that it has no other reference.
        unsafe { value.as_mut() }
    }
}

impl<T: Shared> Drop for MonitorGuard<'_, T> {
    fn drop(&mut self) {
        exclusion::release(self.monitor.memory());
        seen::point("unlock", self.monitor.member.id(), 0, Location::caller());
    }
}

impl<T: Shared> Inherited for MonitorGuard<'_, T> {
    fn repaired(&self) {
        exclusion::repaired(self.monitor.memory());
    }
}

impl<T: Shared> Clone for Monitor<T> {
    fn clone(&self) -> Self {
        Self::of(Arc::clone(&self.member))
    }
}

impl<T: Shared + fmt::Debug> fmt::Debug for MonitorGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Shared> fmt::Debug for Monitor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor")
            .field("is_locked", &self.is_locked())
            .finish_non_exhaustive()
    }
}

impl<T: Shared> Serialize for Monitor<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.member.serialize(serializer)
    }
}

impl<'de, T: Shared> Deserialize<'de> for Monitor<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let member = Member::deserialize(deserializer, &Self::KIND)?;
        value::check::<T>(member.memory(), VALUE).map_err(D::Error::custom)?;
        Ok(Self::of(member))
    }
}
