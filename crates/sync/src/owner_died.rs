//! `OwnerDied`: a guard, and the news that the last owner did not come back.
//!
//! Invariant: the news goes from owner to owner until one of them says that all is well.

use std::fmt;

/// The guard is held, and a process or thread that held it before has died without releasing it.
///
/// What the lock protects may be half changed. Look at it, put it right, and say so by [`repaired`](Self::repaired); until
/// somebody does, every later owner is told, too.
#[must_use = "the lock is held, and a former owner has died with it"]
pub struct OwnerDied<G> {
    guard: G,
    pid: u32,
}

/// A guard that can be told that all is well.
pub(crate) trait Inherited {
    fn repaired(&self);
}

impl<G> OwnerDied<G> {
    pub(crate) fn new(guard: G, pid: u32) -> Self {
        Self { guard, pid }
    }

    /// The pid that the dead owner had. Another process may have it by now: it is for a message, not for a signal.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The guard, to look at what it protects.
    pub fn guard(&self) -> &G {
        &self.guard
    }

    /// The guard, to repair what it protects.
    pub fn guard_mut(&mut self) -> &mut G {
        &mut self.guard
    }

    /// The guard alone. The next owner is told as well.
    pub fn into_guard(self) -> G {
        self.guard
    }

    pub(crate) fn map<H>(self, other: impl FnOnce(G) -> H) -> OwnerDied<H> {
        OwnerDied {
            guard: other(self.guard),
            pid: self.pid,
        }
    }
}

#[expect(private_bounds, reason = "the guards of this crate, and no others")]
impl<G: Inherited> OwnerDied<G> {
    /// Says that what the lock protects is whole, and gives the guard. The next owner is told nothing.
    pub fn repaired(self) -> G {
        self.guard.repaired();
        self.guard
    }
}

impl<G> fmt::Debug for OwnerDied<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnerDied")
            .field("pid", &self.pid)
            .finish_non_exhaustive()
    }
}

impl<G> fmt::Display for OwnerDied<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the owner (pid {}) died without releasing the lock; what it protects may be half changed",
            self.pid
        )
    }
}

impl<G> std::error::Error for OwnerDied<G> {}

/// Why a lock was not got at once.
#[derive(Debug)]
pub enum TryLockError<G> {
    /// Somebody holds it; or the caller does, and a second time is not allowed.
    WouldBlock,
    /// It was got, from an owner that died.
    OwnerDied(OwnerDied<G>),
}

/// Why a lock was not got in time, or not as it should be.
#[derive(Debug)]
pub enum LockError<G> {
    /// The deadline passed.
    TimedOut,
    /// The stop token was stopped.
    Stopped,
    /// It was got, from an owner that died.
    OwnerDied(OwnerDied<G>),
}

impl<G> TryLockError<G> {
    pub(crate) fn map<H>(self, other: impl FnOnce(G) -> H) -> TryLockError<H> {
        match self {
            Self::WouldBlock => TryLockError::WouldBlock,
            Self::OwnerDied(died) => TryLockError::OwnerDied(died.map(other)),
        }
    }
}

impl<G> LockError<G> {
    pub(crate) fn map<H>(self, other: impl FnOnce(G) -> H) -> LockError<H> {
        match self {
            Self::TimedOut => LockError::TimedOut,
            Self::Stopped => LockError::Stopped,
            Self::OwnerDied(died) => LockError::OwnerDied(died.map(other)),
        }
    }
}

impl<G> fmt::Display for TryLockError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WouldBlock => f.write_str("somebody holds the lock"),
            Self::OwnerDied(died) => died.fmt(f),
        }
    }
}

impl<G> fmt::Display for LockError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("the lock was not free in time"),
            Self::Stopped => f.write_str("the wait for the lock was stopped by its stop token"),
            Self::OwnerDied(died) => died.fmt(f),
        }
    }
}

impl<G: fmt::Debug> std::error::Error for TryLockError<G> {}
impl<G: fmt::Debug> std::error::Error for LockError<G> {}
