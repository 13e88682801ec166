//! `Barrier`: nobody goes on before all have come, and nobody waits for one that cannot come any more.
//!
//! Invariant: a process that has the barrier is a party. The protocol is `rounds.rs`.

use std::fmt;
use std::io;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use core_process::Until;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::ledger;
use crate::member::{Member, NoPlace};
use crate::object::Kind;
use crate::pace::Over;
use crate::rounds::{self, Missed};
use crate::seen::{self, Operation};
use crate::sys::memory::Memory;

const KIND: Kind = Kind {
    name: "barrier",
    number: 0x0502,
    len: ledger::LEN,
};

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
        Ok(Self {
            member: Member::create(&KIND, |memory| rounds::lay_out(memory, parties))?,
        })
    }

    /// Waits until all parties are here. The place, 0 for the first to come and so on, another for each.
    ///
    /// # Errors
    /// [`BarrierError::Broken`]: a party has died, gave up, or broke the barrier; [`BarrierError::NoPlace`].
    #[track_caller]
    pub fn wait(&self) -> Result<u32, BarrierError> {
        self.meet(&Until::forever(), None::<fn()>, Location::caller())
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
        self.meet(&Until::forever(), Some(action), Location::caller())
    }

    /// Passes if all others are here already; otherwise has not come.
    ///
    /// # Errors
    /// [`BarrierError::WouldBlock`] if somebody is missing; otherwise as [`wait`](Self::wait).
    pub fn try_wait(&self) -> Result<u32, BarrierError> {
        Ok(rounds::try_meet(self.memory())?)
    }

    /// Waits until all are here, or until the wait is over: then the barrier is broken for all.
    ///
    /// # Errors
    /// [`BarrierError::TimedOut`] or [`BarrierError::Stopped`] for the one whose wait is over, [`BarrierError::Broken`] for the
    /// others; otherwise as [`wait`](Self::wait).
    #[track_caller]
    pub fn wait_until(&self, until: impl Into<Until>) -> Result<u32, BarrierError> {
        self.meet(&until.into(), None::<fn()>, Location::caller())
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
        rounds::abort(self.memory());
        seen::point("abort", self.member.id(), 0, Location::caller());
    }

    /// Makes it as new. Who waits gets [`BarrierError::Broken`].
    #[track_caller]
    pub fn reset(&self) {
        rounds::reset(self.memory());
        seen::point("reset", self.member.id(), 0, Location::caller());
    }

    /// How many have to come.
    pub fn parties(&self) -> u32 {
        rounds::parties(self.memory())
    }

    /// How many have come and wait. It may have changed when the answer comes.
    pub fn waiting(&self) -> u32 {
        rounds::waiting(self.memory())
    }

    /// Whether it is broken. It may have changed when the answer comes.
    pub fn is_broken(&self) -> bool {
        rounds::is_broken(self.memory())
    }

    fn meet(
        &self,
        until: &Until,
        action: Option<impl FnOnce()>,
        caller: &'static Location<'static>,
    ) -> Result<u32, BarrierError> {
        let _told = Operation::begin("barrier", self.member.id(), until, caller);
        Ok(rounds::meet(self.memory(), || self.member.slot(), until, action)?)
    }

    fn memory(&self) -> &Memory {
        self.member.memory()
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

impl From<Missed<NoPlace>> for BarrierError {
    fn from(missed: Missed<NoPlace>) -> Self {
        match missed {
            Missed::WouldBlock => Self::WouldBlock,
            Missed::Over(Over::TimedOut) => Self::TimedOut,
            Missed::Over(Over::Stopped) => Self::Stopped,
            Missed::Broken => Self::Broken,
            Missed::NoSlot(error) => Self::NoPlace(error),
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
            .field("is_broken", &rounds::was_broken(self.memory()))
            .finish_non_exhaustive()
    }
}

impl Serialize for Barrier {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.member.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Barrier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let member = Member::deserialize(deserializer, &KIND)?;
        rounds::join(member.memory(), || member.slot()).map_err(de::Error::custom)?;
        Ok(Self { member })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As many as the protocol keeps notes of.
    const KEPT: u32 = 7;

    #[test]
    fn a_reset_stays_one_however_late_it_is_asked_and_a_pass_is_never_made_up() {
        let barrier = Barrier::new(1).unwrap();
        let memory = barrier.memory();
        barrier.reset();
        for round in 1..4 * KEPT {
            assert!(rounds::was_reset_before(memory, 0), "in round {round}");
            if round % 2 == 0 {
                barrier.reset();
            } else {
                assert!(matches!(barrier.try_wait(), Ok(0)));
            }
        }
        let passed = 4 * KEPT;
        assert!(matches!(barrier.try_wait(), Ok(0)));
        for _ in 1..KEPT {
            assert!(!rounds::was_reset_before(memory, passed));
            barrier.reset();
        }
        assert!(rounds::was_reset_before(memory, passed), "too old to tell");
    }
}
