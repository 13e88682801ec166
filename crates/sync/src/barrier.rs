//! `Barrier`: nobody goes on before all have come, and nobody waits for one that cannot come any more.
//!
//! Invariant: a round is passed, broken or reset by one store to `ROUND`, whose number makes all that was counted for the round
//! void at the same moment. The steps, and what a death at each leaves, are in `README.md` beside this file.
//!
//! | offset | word | bits |
//! | --- | --- | --- |
//! | 8 | `PARTIES` | fixed |
//! | 128 | `ROUND` | 0: `BROKEN`; 1: `ACTING`, the last to come runs its action; 2 to 31: number of the round |
//! | 132 to 159 | `RESETS` | at number mod 7: the number plus one of a round that was reset |
//!
//! A slot's `COUNT` is how many threads of the process have come to the round `TAG`.

use std::fmt;
use std::io;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::Duration;

use core_process::Until;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::exclusion::{self, News};
use crate::ledger::{self, Member, NoPlace};
use crate::object::{Kind, Object};
use crate::pace::{Over, Watch, next_sleep};
use crate::seen::{self, Operation};
use crate::sys::futex;
use crate::sys::memory::{Memory, Nesting};

const KIND: Kind = Kind {
    name: "barrier",
    number: 0x0501,
    len: ledger::LEN,
};

const PARTIES: usize = 8;
const ROUND: usize = 128;
const RESETS: usize = 132;
const RESETS_KEPT: u32 = 7;

const BROKEN: u32 = 1;
const ACTING: u32 = 2;
const NUMBER: u32 = 4;

/// A place where so many threads of any processes meet, again and again: `multiprocessing.Barrier`.
///
/// A barrier is a value, as every object of this crate. A process is a party from the moment at which it receives the barrier (as an
/// argument, in a message) or waits there for the first time, until it drops it. If a party dies, before it comes or while it
/// waits, the barrier breaks for all within 20 ms or so (CPython's parties wait for ever).
///
/// ```
/// use core_process::Process;
/// use sync::Barrier;
///
/// fn work(barrier: Barrier) -> u32 {
///     // ... the first half, and when all are done with it:
///     barrier.wait().unwrap()
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     core_process::init();
///     let barrier = Barrier::new(2)?;
///     let children = [(); 2].map(|()| Process::new(work, barrier.clone()).start());
///     let mut places = Vec::new();
///     for child in children {
///         places.push(child?.join()?);
///     }
///     places.sort();
///     assert_eq!(places, [0, 1]);
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct Barrier {
    member: Arc<Member>,
}

/// How a look at the round went.
enum Look {
    Waiting,
    Passed,
    Broken,
}

impl Barrier {
    /// A barrier for so many threads.
    ///
    /// # Errors
    /// `InvalidInput` for 0 parties, of whom nobody could ever pass. Otherwise as [`Lock::new`](crate::Lock::new).
    pub fn new(parties: u32) -> io::Result<Self> {
        if parties == 0 {
            let why = "a barrier of 0 parties lets nobody pass";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let object = Object::create(&KIND, |memory| {
            exclusion::lay_out(memory, Nesting::Refused);
            memory.word(PARTIES).store(parties, Relaxed);
        })?;
        Ok(Self {
            member: Arc::new(Member::new(object)),
        })
    }

    /// Waits until all parties are here. The place, 0 for the first to come and so on, another for each.
    ///
    /// # Errors
    /// [`BarrierError::Broken`]: a party has died, gave up, or broke the barrier; [`BarrierError::NoPlace`].
    #[track_caller]
    pub fn wait(&self) -> Result<u32, BarrierError> {
        self.meet(&Until::forever(), || (), Location::caller())
    }

    /// [`wait`](Self::wait), where the last to come runs its `action` before any goes on.
    ///
    /// Python gives the action to the barrier; here each party passes the same one, since a closure does not travel. If it panics,
    /// the barrier is broken and the panic goes on in its caller.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    #[track_caller]
    pub fn wait_with(&self, action: impl FnOnce()) -> Result<u32, BarrierError> {
        self.meet(&Until::forever(), action, Location::caller())
    }

    /// Passes if all others are here already; otherwise has not come.
    ///
    /// # Errors
    /// [`BarrierError::WouldBlock`] if somebody is missing; otherwise as [`wait`](Self::wait).
    pub fn try_wait(&self) -> Result<u32, BarrierError> {
        self.enter();
        self.bury();
        let round = self.round();
        let come = self.come(round);
        let outcome = if round & BROKEN != 0 {
            Err(BarrierError::Broken)
        } else if round & ACTING != 0 || come + 1 != self.parties() {
            Err(BarrierError::WouldBlock)
        } else {
            self.open(round);
            Ok(come)
        };
        self.leave();
        outcome
    }

    /// Waits until all are here, or until the wait is over: then the barrier is broken for all.
    ///
    /// # Errors
    /// [`BarrierError::TimedOut`] or [`BarrierError::Stopped`] for the one whose wait is over, [`BarrierError::Broken`] for the
    /// others; otherwise as [`wait`](Self::wait).
    #[track_caller]
    pub fn wait_until(&self, until: impl Into<Until>) -> Result<u32, BarrierError> {
        self.meet(&until.into(), || (), Location::caller())
    }

    /// [`wait_until`](Self::wait_until) with a duration.
    ///
    /// # Errors
    /// As [`wait_until`](Self::wait_until).
    #[track_caller]
    pub fn wait_timeout(&self, time: Duration) -> Result<u32, BarrierError> {
        self.wait_until(time)
    }

    /// Breaks the barrier: all who wait, and all who come, get [`BarrierError::Broken`] until it is reset.
    #[track_caller]
    pub fn abort(&self) {
        self.enter();
        self.break_it();
        self.leave();
        seen::point("abort", self.id(), 0, Location::caller());
    }

    /// Makes it as new. Who waits gets [`BarrierError::Broken`].
    #[track_caller]
    pub fn reset(&self) {
        self.enter();
        self.member.bury(|_| {});
        let number = self.round() / NUMBER;
        // The note first: killed before the next line, this round is still open, and whoever opens it takes the note away.
        self.reset_note(number).store(number.wrapping_add(1), Relaxed);
        self.begin(number);
        self.leave();
        seen::point("reset", self.id(), 0, Location::caller());
    }

    /// How many have to come.
    pub fn parties(&self) -> u32 {
        self.word(PARTIES).load(Relaxed)
    }

    /// How many have come and wait. It may have changed when the answer comes.
    pub fn waiting(&self) -> u32 {
        self.enter();
        self.bury();
        let round = self.round();
        let come = if round & BROKEN == 0 { self.come(round) } else { 0 };
        self.leave();
        come
    }

    /// Whether it is broken. It may have changed when the answer comes.
    pub fn is_broken(&self) -> bool {
        self.enter();
        self.bury();
        let broken = self.round() & BROKEN != 0;
        self.leave();
        broken
    }

    fn meet(
        &self,
        until: &Until,
        action: impl FnOnce(),
        caller: &'static Location<'static>,
    ) -> Result<u32, BarrierError> {
        let _told = Operation::begin("barrier", self.id(), until, caller);
        let (number, place) = self.arrive(until)?;
        if place + 1 == self.parties() {
            return self.act_and_open(number, action).map(|()| place);
        }
        loop {
            let seen = self.word(ROUND).load(Acquire);
            self.enter();
            let look = self.look(number);
            self.leave();
            match look {
                Look::Passed => return Ok(place),
                Look::Broken => return Err(BarrierError::Broken),
                Look::Waiting => {}
            }
            match next_sleep(until, Watch::Deaths) {
                Ok(longest) => futex::sleep(self.word(ROUND), seen, longest),
                Err(over) => return self.give_up(number, place, over),
            }
        }
    }

    /// Counts this thread in; the number of the round, and the place in it. Waits while the round before runs its action.
    fn arrive(&self, until: &Until) -> Result<(u32, u32), BarrierError> {
        loop {
            self.enter();
            self.bury();
            let round = self.round();
            if round & BROKEN != 0 {
                self.leave();
                return Err(BarrierError::Broken);
            }
            if round & ACTING == 0 {
                let number = round / NUMBER;
                let come = self.come(round);
                let counted = self.member.slot().map(|slot| {
                    if slot.tag() != number {
                        // In this order: a count is never taken for one of another round.
                        slot.set_count(0);
                        slot.set_tag(number);
                    }
                    slot.set_count(slot.count() + 1);
                    if come + 1 == self.parties() {
                        self.word(ROUND).store(round | ACTING, Relaxed);
                    }
                });
                self.leave();
                return match counted {
                    Ok(()) => Ok((number, come)),
                    Err(error) => Err(BarrierError::NoPlace(error)),
                };
            }
            self.leave();
            let longest = next_sleep(until, Watch::Deaths)?;
            futex::sleep(self.word(ROUND), round, longest);
        }
    }

    /// The last to come: runs the action, and lets all go on.
    fn act_and_open(&self, number: u32, action: impl FnOnce()) -> Result<(), BarrierError> {
        let breaks = BreaksOnPanic {
            barrier: self,
            number,
        };
        action();
        std::mem::forget(breaks);
        self.enter();
        self.bury();
        let round = self.round();
        let outcome = if round / NUMBER == number && round & BROKEN == 0 {
            self.open(round);
            Ok(())
        } else {
            Err(BarrierError::Broken)
        };
        self.leave();
        outcome
    }

    /// What has become of the round with this number, for one who came to it. Under the exclusion.
    fn look(&self, number: u32) -> Look {
        self.bury();
        let round = self.round();
        if round / NUMBER != number {
            if self.reset_note(number).load(Relaxed) == number.wrapping_add(1) {
                Look::Broken
            } else {
                Look::Passed
            }
        } else if round & BROKEN != 0 {
            Look::Broken
        } else {
            Look::Waiting
        }
    }

    /// The wait is over: the barrier is broken, unless the round ended at the last moment.
    fn give_up(&self, number: u32, place: u32, over: Over) -> Result<u32, BarrierError> {
        self.enter();
        let outcome = match self.look(number) {
            Look::Passed => Ok(place),
            Look::Broken => Err(BarrierError::Broken),
            Look::Waiting => {
                self.break_it();
                Err(over.into())
            }
        };
        self.leave();
        outcome
    }

    /// Frees the places of the dead, and breaks the barrier if there were any. Under the exclusion.
    fn bury(&self) {
        let mut died = false;
        self.member.bury(|_| {
            // Before the place is free: killed between the two, the next one finds the dead party again.
            died = true;
            self.break_it();
        });
        debug_assert!(!died || self.round() & BROKEN != 0);
    }

    /// Under the exclusion.
    fn break_it(&self) {
        self.word(ROUND).store((self.round() | BROKEN) & !ACTING, Release);
        futex::wake_all(self.word(ROUND));
    }

    /// Lets all who came go on. Under the exclusion.
    fn open(&self, round: u32) {
        let number = round / NUMBER;
        self.reset_note(number).store(0, Relaxed);
        self.begin(number);
    }

    /// The round after the one with this number. Under the exclusion.
    fn begin(&self, before: u32) {
        // Release, and Acquire in `meet`; though every waiter also goes through the exclusion, which orders as well.
        self.word(ROUND)
            .store((before * NUMBER).wrapping_add(NUMBER), Release);
        futex::wake_all(self.word(ROUND));
    }

    /// How many have come to this round. Under the exclusion.
    fn come(&self, round: u32) -> u32 {
        let of_this_round = self.member.slots().filter(|slot| slot.tag() == round / NUMBER);
        of_this_round.map(|slot| slot.count()).sum()
    }

    fn reset_note(&self, number: u32) -> &AtomicU32 {
        self.word(RESETS + 4 * (number % RESETS_KEPT) as usize)
    }

    fn round(&self) -> u32 {
        self.word(ROUND).load(Relaxed)
    }

    fn enter(&self) {
        // Every change is one store, so there is nothing to repair.
        if let Ok(News::Died(_)) = exclusion::take(self.memory(), &Until::forever()) {
            exclusion::repaired(self.memory());
        }
    }

    fn leave(&self) {
        exclusion::release(self.memory());
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

/// Breaks the round when it is dropped: the action has panicked.
struct BreaksOnPanic<'a> {
    barrier: &'a Barrier,
    number: u32,
}

impl Drop for BreaksOnPanic<'_> {
    fn drop(&mut self) {
        self.barrier.enter();
        // It may have been reset meanwhile: the new round is none of the action's business.
        if self.barrier.round() / NUMBER == self.number {
            self.barrier.break_it();
        }
        self.barrier.leave();
    }
}

/// Why a party did not pass.
#[derive(Debug)]
pub enum BarrierError {
    /// Somebody is missing; for [`Barrier::try_wait`] alone.
    WouldBlock,
    /// The deadline passed. The barrier is broken.
    TimedOut,
    /// The stop token was stopped. The barrier is broken.
    Stopped,
    /// A party has died, gave up, panicked in the action, or called [`Barrier::abort`] or [`Barrier::reset`].
    Broken,
    /// This process cannot be a party.
    NoPlace(NoPlace),
}

impl From<Over> for BarrierError {
    fn from(over: Over) -> Self {
        match over {
            Over::TimedOut => Self::TimedOut,
            Over::Stopped => Self::Stopped,
        }
    }
}

impl fmt::Display for BarrierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WouldBlock => f.write_str("not all parties are here"),
            Self::TimedOut => f.write_str("not all parties came in time; the barrier is broken"),
            Self::Stopped => f.write_str("the wait was stopped by its stop token; the barrier is broken"),
            Self::Broken => f.write_str("the barrier is broken: a party died, gave up or broke it"),
            Self::NoPlace(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BarrierError {}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier")
            .field("parties", &self.parties())
            .field("is_broken", &(self.round() & BROKEN != 0))
            .finish_non_exhaustive()
    }
}

impl Serialize for Barrier {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.member.object().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Barrier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = Object::deserialize(deserializer, &KIND)?;
        let barrier = Self {
            member: Arc::new(Member::new(object)),
        };
        barrier.enter();
        let place = barrier.member.slot().map(|_| ());
        barrier.leave();
        place.map_err(de::Error::custom)?;
        Ok(barrier)
    }
}
