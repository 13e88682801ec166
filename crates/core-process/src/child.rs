//! A started child whose target's value is awaited.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::handle::{ChildState, lock};
use crate::start::State;
use crate::sys::pidfd::End;
use crate::{ChildError, ChildHandle, JoinError, Status, Until, WaitError, codec, returns};

/// What a child leaves when its target panicked.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct PanicRecord {
    pub(crate) message: String,
    pub(crate) location: Option<String>,
    pub(crate) backtrace: String,
}

/// A running child, and the promise of its target's value.
///
/// It is a [`ChildHandle`] that knows the type of the result. Dropping it lets the child run on: it is waited for (or, a
/// daemon, terminated) when this process ends, as in CPython. If this process is killed, the child ends too
/// (see [`ParentDeath`](crate::ParentDeath)).
pub struct Child<T> {
    handle: ChildHandle,
    result: PhantomData<fn() -> T>,
}

impl<T> Child<T> {
    pub(crate) fn new(state: Arc<ChildState>) -> Self {
        Self {
            handle: ChildHandle { state },
            result: PhantomData,
        }
    }

    /// A handle without the result's type, to keep children of different kinds together.
    pub fn handle(&self) -> ChildHandle {
        self.handle.clone()
    }
}

impl<T> fmt::Debug for Child<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.handle.fmt(f)
    }
}

impl<T: DeserializeOwned> Child<T> {
    /// Waits until the child has ended and gives its target's value. As often as wanted: the value is decoded anew each time.
    ///
    /// ```
    /// use core_process::{ChildError, Process};
    ///
    /// fn half(n: u32) -> u32 {
    ///     if n % 2 == 1 { panic!("{n} is odd") }
    ///     n / 2
    /// }
    ///
    /// fn main() {
    ///     core_process::init();
    ///     assert_eq!(Process::new(half, 8).start().unwrap().join(), Ok(4));
    ///     match Process::new(half, 7).start().unwrap().join() {
    ///         Err(ChildError::Panicked { message, .. }) => assert_eq!(message, "7 is odd"),
    ///         other => unreachable!("{other:?}"),
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// How it ended instead: [`ChildError`] names the exit code, the signal, the panic, or what could not be sent.
    #[track_caller]
    pub fn join(&self) -> Result<T, ChildError> {
        let end = self.observed("join", &Until::forever(), Location::caller(), || {
            self.handle.state.wait()
        })?;
        self.value(end)
    }

    /// The result if the child has ended, `None` while it runs. Never blocks.
    pub fn try_join(&self) -> Option<Result<T, ChildError>> {
        if let Err(creator) = self.handle.state.check_parent() {
            return Some(Err(ChildError::NotParent { creator }));
        }
        match self.handle.state.poll() {
            Ok(None) => None,
            Ok(Some(end)) => Some(self.value(end)),
            Err(error) => Some(Err(ChildError::os(&error))),
        }
    }

    /// Waits no longer than `until`: a duration, an instant, a stop token, or a token with a duration.
    ///
    /// # Errors
    /// [`JoinError::TimedOut`] and [`JoinError::Stopped`] leave the child running; [`JoinError::Failed`] says how it ended.
    #[track_caller]
    pub fn join_until(&self, until: impl Into<Until>) -> Result<T, JoinError> {
        if let Err(creator) = self.handle.state.check_parent() {
            return Err(ChildError::NotParent { creator }.into());
        }
        match self.handle.wait_until_at(until.into(), Location::caller()) {
            Ok(end) => Ok(self.value(end)?),
            Err(WaitError::TimedOut) => Err(JoinError::TimedOut),
            Err(WaitError::Stopped) => Err(JoinError::Stopped),
            Err(WaitError::Os(error)) => Err(ChildError::os(&error).into()),
        }
    }

    /// [`join_until`](Self::join_until) with a duration. Zero asks once.
    ///
    /// # Errors
    /// As for `join_until`. A timeout is an error here, where CPython's `join(timeout)` returns `None` in any case.
    #[track_caller]
    pub fn join_timeout(&self, timeout: Duration) -> Result<T, JoinError> {
        self.join_until(timeout)
    }

    /// The outcome of a child that has ended.
    fn value(&self, end: End) -> Result<T, ChildError> {
        let state = &*self.handle.state;
        let mut block = lock(&state.block);
        let token = block.header.token;
        let how = block.state();
        let message = |error: &dyn fmt::Display| ChildError::Result {
            message: error.to_string(),
        };
        match how {
            Some(State::Returned) => {
                let (bytes, count) = block.outcome().map_err(|error| message(&error))?;
                // Decoding calls code of the value's type.
                drop(block);
                let descriptors =
                    returned_descriptors(state, token, count).map_err(|error| message(&error))?;
                codec::decode(&bytes, descriptors).map_err(|error| message(&error))
            }
            Some(State::Panicked) => {
                let (bytes, _) = block.outcome().map_err(|error| message(&error))?;
                let record: PanicRecord =
                    codec::decode(&bytes, Vec::new()).map_err(|error| message(&error))?;
                let PanicRecord {
                    message,
                    location,
                    backtrace,
                } = record;
                Err(ChildError::Panicked {
                    message,
                    location,
                    backtrace,
                })
            }
            Some(failed @ (State::ArgumentFailed | State::ResultFailed | State::SetupFailed)) => {
                let (bytes, _) = block.outcome().map_err(|error| message(&error))?;
                let message = String::from_utf8_lossy(&bytes).into_owned();
                Err(match failed {
                    State::ArgumentFailed => ChildError::Argument { message },
                    State::ResultFailed => ChildError::Result { message },
                    _ => ChildError::Setup { message },
                })
            }
            // A signal may come before a child reaches `init`, in a program that calls it, too.
            Some(State::Empty) => Err(match Status::from(end) {
                Status::Signaled(signal) => ChildError::Signaled { signal },
                Status::Running | Status::Unknown => ChildError::StatusStolen,
                status => ChildError::NeverInitialised { status },
            }),
            Some(State::Claimed) | None => Err(match Status::from(end) {
                Status::Exited(code) => ChildError::Exited { code },
                Status::Signaled(signal) => ChildError::Signaled { signal },
                Status::Running | Status::Unknown => ChildError::StatusStolen,
            }),
        }
    }
}

/// The descriptors inside a result: fetched once, duplicated for each join.
fn returned_descriptors(state: &ChildState, token: u64, count: u32) -> std::io::Result<Vec<OwnedFd>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let mut returned = lock(&state.returned);
    if returned.is_none() {
        *returned = Some(returns::take(token)?);
    }
    let duplicates: std::io::Result<_> = returned.iter().flatten().map(OwnedFd::try_clone).collect();
    duplicates.map_err(|error| match error.raw_os_error() {
        Some(libc::EMFILE) => std::io::Error::other(
            "no number is free for its descriptors: this process may open no more (RLIMIT_NOFILE)",
        ),
        _ => error,
    })
}

impl ChildHandle {
    #[track_caller]
    fn wait_until_at(&self, until: Until, caller: &'static Location<'static>) -> Result<End, WaitError> {
        self.observed("join", &until, caller, || self.state.wait_until(&until))
    }
}

impl<T> Deref for Child<T> {
    type Target = ChildHandle;

    fn deref(&self) -> &ChildHandle {
        &self.handle
    }
}

impl<T> AsFd for Child<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }
}

impl<T> Drop for Child<T> {
    /// Takes an ended child from the kernel's table; a running one stays with the process (see the type's text).
    fn drop(&mut self) {
        if self.handle.state.creator == std::process::id() {
            let _ = self.handle.state.poll();
        }
    }
}
