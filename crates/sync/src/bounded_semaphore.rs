//! `BoundedSemaphore`: a semaphore that refuses a release too many.
//!
//! Invariant: the bound is fixed in the object's memory when it is made, and the semaphore keeps to it.

use std::fmt;
use std::io;
use std::time::Duration;

use core_process::Until;
use serde::{Deserialize, Serialize};

use crate::member::NoPlace;
use crate::semaphore::{AcquireError, Permit, Semaphore, TryAcquireError};

/// A semaphore that never has more permits than it began with: `multiprocessing.BoundedSemaphore`.
///
/// ```
/// let tickets = sync::BoundedSemaphore::new(1)?;
/// assert!(tickets.release().is_err());
/// let permit = tickets.acquire()?;
/// drop(permit);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Serialize, Deserialize)]
pub struct BoundedSemaphore {
    semaphore: Semaphore,
}

impl BoundedSemaphore {
    /// A semaphore with so many permits, all free, and never more.
    ///
    /// # Errors
    /// As [`Lock::new`](crate::Lock::new).
    pub fn new(permits: u32) -> io::Result<Self> {
        Ok(Self {
            semaphore: Semaphore::with_bound(permits, permits)?,
        })
    }

    /// See [`Semaphore::acquire`].
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn acquire(&self) -> Result<Permit, NoPlace> {
        self.semaphore.acquire()
    }

    /// See [`Semaphore::try_acquire`].
    ///
    /// # Errors
    /// As there.
    pub fn try_acquire(&self) -> Result<Permit, TryAcquireError> {
        self.semaphore.try_acquire()
    }

    /// See [`Semaphore::acquire_until`].
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn acquire_until(&self, until: impl Into<Until>) -> Result<Permit, AcquireError> {
        self.semaphore.acquire_until(until)
    }

    /// See [`Semaphore::acquire_timeout`].
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn acquire_timeout(&self, time: Duration) -> Result<Permit, AcquireError> {
        self.semaphore.acquire_until(time)
    }

    /// Makes a permit again that was forgotten.
    ///
    /// # Errors
    /// [`AboveBound`]: none was; all that may exist do, free or held.
    #[track_caller]
    pub fn release(&self) -> Result<(), AboveBound> {
        self.semaphore.release()
    }

    /// How many permits are free.
    pub fn available(&self) -> u32 {
        self.semaphore.available()
    }
}

/// A release would make more permits than may exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AboveBound {
    bound: u32,
}

impl AboveBound {
    pub(crate) fn new(bound: u32) -> Self {
        Self { bound }
    }
}

impl fmt::Display for AboveBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "released too often: all {} permits exist already", self.bound)
    }
}

impl std::error::Error for AboveBound {}

impl fmt::Debug for BoundedSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedSemaphore")
            .field("semaphore", &self.semaphore)
            .finish_non_exhaustive()
    }
}
