//! `Semaphore`: so many at a time, and a permit comes back when its holder dies.
//!
//! Invariant: free permits are all permits less those in the ledger. `FREE` repeats the difference, and is made anew after a death.
//! The steps, and what a death at each leaves, are in `README.md` beside this file.
//!
//! | offset | word | what |
//! | --- | --- | --- |
//! | 8 | `BOUND` | fixed: most permits that may exist |
//! | 128 | `TOTAL` | permits that exist |
//! | 132 | `FREE` | `TOTAL` less the sum of the ledger's counts |
//! | 136 | `TURN` | bit 0: somebody may sleep; 1 to 31: raised by every return, so that nobody falls asleep beside a free permit |
//! | 140 | `ENTRIES` | how often somebody was about to sleep |

use std::fmt;
use std::io;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use core_process::Until;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::bounded_semaphore::AboveBound;
use crate::exclusion::{self, News};
use crate::identity;
use crate::ledger::{self, Member, NoPlace};
use crate::object::{Kind, Object};
use crate::pace::{Over, Watch, next_sleep};
use crate::seen::{self, Operation};
use crate::sys::futex;
use crate::sys::memory::{Memory, Nesting};

const KIND: Kind = Kind {
    name: "semaphore",
    number: 0x0401,
    len: ledger::LEN,
};

const BOUND: usize = 8;
const TOTAL: usize = 128;
const FREE: usize = 132;
const TURN: usize = 136;
const ENTRIES: usize = 140;

/// No epoch.
const SPENT: u32 = 0;

const SLEEPERS: u32 = 1;
const NEXT: u32 = 2;

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
        let object = Object::create(&KIND, |memory| {
            exclusion::lay_out(memory, Nesting::Refused);
            memory.word(BOUND).store(bound, Relaxed);
            memory.word(TOTAL).store(permits, Relaxed);
            memory.word(FREE).store(permits, Relaxed);
        })?;
        Ok(Self {
            member: Arc::new(Member::new(object)),
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
        self.enter();
        let taken = self.take();
        self.leave();
        match taken {
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
        let _told = Operation::begin("acquire", self.id(), &until, Location::caller());
        loop {
            self.enter();
            let taken = self.take();
            if !matches!(taken, Ok(false)) {
                self.leave();
                return taken.map(|_| self.permit()).map_err(AcquireError::NoPlace);
            }
            let turn = self.word(TURN).load(Relaxed) | SLEEPERS;
            self.word(TURN).store(turn, Relaxed);
            let entries = self.word(ENTRIES).load(Relaxed);
            self.word(ENTRIES).store(entries.wrapping_add(1), Relaxed);
            self.leave();
            // The number in `TURN` was read under the exclusion, where no permit was free: one that is returned since has
            // raised it, and the kernel's comparison fails.
            let longest = next_sleep(&until, Watch::Deaths)?;
            futex::sleep(self.word(TURN), turn, longest);
        }
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
        self.enter();
        let memory = self.memory();
        let total = memory.word(TOTAL).load(Relaxed);
        let bound = memory.word(BOUND).load(Relaxed);
        if total >= bound {
            self.leave();
            return Err(AboveBound::new(bound));
        }
        memory.word(TOTAL).store(total + 1, Relaxed);
        add(memory.word(FREE), 1);
        self.leave_and_wake();
        seen::point("release", self.id(), 0, Location::caller());
        Ok(())
    }

    /// How many permits are free: `get_value()` in Python. It may have changed when the answer comes.
    pub fn available(&self) -> u32 {
        self.enter();
        self.take_back();
        let free = self.word(FREE).load(Relaxed);
        self.leave();
        free
    }

    fn permit(&self) -> Permit {
        Permit {
            member: Arc::clone(&self.member),
            epoch: identity::epoch(),
        }
    }

    /// Takes a permit, if one is free. Under the exclusion.
    fn take(&self) -> Result<bool, NoPlace> {
        if self.word(FREE).load(Relaxed) == 0 {
            self.take_back();
            if self.word(FREE).load(Relaxed) == 0 {
                return Ok(false);
            }
        }
        let slot = self.member.slot()?;
        // The permit is this process's from here on: whoever comes after its death finds it in the slot.
        slot.set_count(slot.count() + 1);
        subtract(self.word(FREE), 1);
        Ok(true)
    }

    /// Takes back what the dead had. Under the exclusion.
    fn take_back(&self) {
        let mut came_back = false;
        self.member.bury(|dead| came_back |= dead.count > 0);
        if came_back {
            count_anew(&self.member);
        }
    }

    fn enter(&self) {
        enter(&self.member);
    }

    fn leave(&self) {
        exclusion::release(self.memory());
    }

    fn leave_and_wake(&self) {
        leave_and_wake(&self.member);
    }

    fn memory(&self) -> &Memory {
        self.member.object().memory()
    }

    fn word(&self, offset: usize) -> &AtomicU32 {
        self.memory().word(offset)
    }

    fn id(&self) -> u64 {
        self.member.object().id()
    }
}

/// Takes the exclusion. If its owner died in it, what it repeats is made anew.
fn enter(member: &Member) {
    let memory = member.object().memory();
    let entered = exclusion::take(memory, &Until::forever());
    if let Ok(News::Died(_)) = entered {
        count_anew(member);
        exclusion::repaired(memory);
    }
}

/// `FREE` from the truth. Under the exclusion.
fn count_anew(member: &Member) {
    let memory = member.object().memory();
    let held: u32 = member.slots().map(|slot| slot.count()).sum();
    let free = memory.word(TOTAL).load(Relaxed).saturating_sub(held);
    memory.word(FREE).store(free, Relaxed);
}

/// After a permit has become free: leaves the exclusion and wakes a sleeper, if there may be one.
fn leave_and_wake(member: &Member) {
    let memory = member.object().memory();
    let word = memory.word(TURN);
    let turn = word.load(Relaxed).wrapping_add(NEXT);
    word.store(turn, Relaxed);
    let entries = memory.word(ENTRIES).load(Relaxed);
    exclusion::release(memory);
    if turn & SLEEPERS == 0 || futex::wake(word, 1) > 0 {
        return;
    }
    // The mark was a dead or impatient sleeper's: taken away, unless somebody has come since.
    enter(member);
    if word.load(Relaxed) == turn && memory.word(ENTRIES).load(Relaxed) == entries {
        word.store(turn & !SLEEPERS, Relaxed);
    }
    exclusion::release(memory);
}

fn add(word: &AtomicU32, count: u32) {
    word.store(word.load(Relaxed).saturating_add(count), Relaxed);
}

fn subtract(word: &AtomicU32, count: u32) {
    word.store(word.load(Relaxed).saturating_sub(count), Relaxed);
}

impl Permit {
    /// Keeps the permit from coming back, ever: there is one less.
    ///
    /// A process killed in this call has forgotten it, or its permit comes back.
    pub fn forget(mut self) {
        self.give_back(|memory| {
            // After the count: killed between the two, the permit is free again.
            subtract(memory.word(TOTAL), 1);
            exclusion::release(memory);
        });
        self.epoch = SPENT;
    }

    fn give_back(&self, then: impl FnOnce(&Memory)) {
        if self.epoch != identity::epoch() {
            return;
        }
        enter(&self.member);
        if let Some(slot) = self.member.own_slot() {
            slot.set_count(slot.count().saturating_sub(1));
        }
        then(self.member.object().memory());
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.give_back(|memory| {
            add(memory.word(FREE), 1);
            leave_and_wake(&self.member);
        });
        seen::point("permit", self.member.object().id(), 0, Location::caller());
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
            .field("free", &self.word(FREE).load(Relaxed))
            .finish_non_exhaustive()
    }
}

impl Serialize for Semaphore {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.member.object().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Semaphore {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = Object::deserialize(deserializer, &KIND)?;
        Ok(Self {
            member: Arc::new(Member::new(object)),
        })
    }
}
