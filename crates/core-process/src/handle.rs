//! A started child, whatever its result: its names, its state, its end.
//!
//! Invariant: the status is taken from the kernel once, under the lock of `ended`, so two threads that wait see the same
//! end. Signals go to the pidfd: a pid that was reused is never hit.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::probe::{self, Phase};
use crate::start::{StartBlock, State, is_waited_for};
use crate::sys::call;
use crate::sys::pidfd::{self, End};
use crate::sys::poll::is_readable;
use crate::wait::first_of;
use crate::{ChildError, Signal, SignalError, StartMethod, Status, Until, WaitError, registry, returns};

/// What this process knows of a child, shared by all its handles.
#[derive(Debug)]
pub(crate) struct ChildState {
    pub(crate) pid: u32,
    pub(crate) pidfd: OwnedFd,
    pub(crate) name: Mutex<String>,
    pub(crate) daemon: bool,
    pub(crate) method: StartMethod,
    pub(crate) started: Instant,
    /// The process that may wait for it.
    pub(crate) creator: u32,
    pub(crate) ended: Mutex<Option<End>>,
    pub(crate) block: Mutex<StartBlock>,
    /// Descriptors that came with the result, once they were fetched.
    pub(crate) returned: Mutex<Option<Vec<OwnedFd>>>,
    /// A process of the library's own (the forkserver), which the user never sees.
    pub(crate) is_helper: bool,
}

/// Locks; a panic of another holder spoils nothing here, since each critical section is one assignment.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ChildState {
    pub(crate) fn check_parent(&self) -> Result<(), u32> {
        if call::process_id() == self.creator {
            Ok(())
        } else {
            Err(self.creator)
        }
    }

    /// How it ended, if it has; takes it from the kernel's table then. A process that is not its parent sees that it has ended,
    /// not how, and takes nothing.
    pub(crate) fn poll(&self) -> io::Result<Option<End>> {
        let mut ended = lock(&self.ended);
        if ended.is_none() && self.check_parent().is_err() {
            return Ok(is_readable(&self.pidfd)?.then_some(End::Stolen));
        }
        if ended.is_none() {
            *ended = pidfd::try_reap(&self.pidfd)?;
            if ended.is_some() {
                registry::forget(self);
            }
        }
        Ok(*ended)
    }

    /// The way in which children are waited for tells the forkserver where to make the next.
    fn wait_begins(&self) {
        if self.method == StartMethod::ForkServer {
            is_waited_for(self.started);
        }
    }

    /// Waits for the end.
    pub(crate) fn wait(&self) -> Result<End, ChildError> {
        self.check_parent()
            .map_err(|creator| ChildError::NotParent { creator })?;
        self.wait_begins();
        loop {
            if let Some(end) = *lock(&self.ended) {
                return Ok(end);
            }
            match first_of(&[&self.pidfd], &Until::forever()) {
                Ok(_) => self.poll().map_err(|error| ChildError::os(&error))?,
                Err(WaitError::Os(error)) => return Err(ChildError::os(&error)),
                Err(WaitError::TimedOut | WaitError::Stopped) => None,
            };
        }
    }

    pub(crate) fn wait_until(&self, until: &Until) -> Result<End, WaitError> {
        if self.check_parent().is_err() {
            return Err(WaitError::Os(io::Error::from_raw_os_error(libc::ECHILD)));
        }
        self.wait_begins();
        loop {
            if let Some(end) = self.poll().map_err(WaitError::Os)? {
                return Ok(end);
            }
            first_of(&[&self.pidfd], until)?;
        }
    }
}

impl Drop for ChildState {
    /// Descriptors of a result that nobody has joined, or of a child that died before it could publish one, are closed.
    fn drop(&mut self) {
        let block = self.block.get_mut().unwrap_or_else(PoisonError::into_inner);
        let returned = self.returned.get_mut().unwrap_or_else(PoisonError::into_inner);
        let may_have_sent = match block.state() {
            Some(State::Claimed) | None => true,
            Some(State::Returned) => block.sent_descriptors() > 0 && returned.is_none(),
            Some(_) => false,
        };
        if may_have_sent && self.creator == call::process_id() {
            returns::discard(block.header.token);
        }
        let has_ended = self
            .ended
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some();
        if has_ended && self.creator == call::process_id() {
            block.retire();
        }
    }
}

/// A started child of any result type: to look at it, wait for it and end it. Cheap to clone.
///
/// Every method may be called from any thread of the process that started the child. In another process (one forked from
/// it) waiting and signalling are refused.
///
/// ```
/// use core_process::{Process, Status};
///
/// fn main() {
///     core_process::init();
///     let child = Process::new(|| {}, ()).name("worker").start().unwrap();
///     assert_eq!(child.name(), "worker");
///     assert_ne!(child.pid(), std::process::id());
///     assert_eq!(child.wait().unwrap(), Status::Exited(0));
///     assert!(!child.is_alive());
/// }
/// ```
#[derive(Clone)]
pub struct ChildHandle {
    pub(crate) state: Arc<ChildState>,
}

impl ChildHandle {
    /// The process id, in this process's pid namespace. It is a number to show; to signal the child use its methods, which
    /// cannot hit another process that was given the same number later.
    pub fn pid(&self) -> u32 {
        self.state.pid
    }

    /// Its name: the recipe's, or `Process-1`, `Process-2`, ... (`Process-1:2` for the second child of the first).
    pub fn name(&self) -> String {
        lock(&self.state.name).clone()
    }

    /// Changes the name that this process knows it by; the child does not learn of it (CPython row P08).
    pub fn rename(&self, name: impl Into<String>) {
        *lock(&self.state.name) = name.into();
    }

    /// Whether it is terminated when this process ends, rather than waited for.
    pub fn is_daemon(&self) -> bool {
        self.state.daemon
    }

    /// How it was started.
    pub fn start_method(&self) -> StartMethod {
        self.state.method
    }

    /// Where it stands now. Never blocks; an ended child leaves the kernel's process table by this call (no zombie). In a process
    /// that did not start it: `Running` or `Unknown`.
    pub fn status(&self) -> Status {
        match self.state.poll() {
            Ok(Some(end)) => end.into(),
            Ok(None) => Status::Running,
            Err(_) => Status::Unknown,
        }
    }

    /// Whether it is still running.
    pub fn is_alive(&self) -> bool {
        self.status() == Status::Running
    }

    /// Waits until it has ended, and says how. As often as wanted; all calls give the same answer.
    ///
    /// # Errors
    /// [`ChildError::NotParent`] in a process that did not start it.
    #[track_caller]
    pub fn wait(&self) -> Result<Status, ChildError> {
        self.observed("wait", &Until::forever(), Location::caller(), || {
            self.state.wait().map(Status::from)
        })
    }

    /// Waits no longer than `until`: a duration, an instant, a stop token, or a token with a duration.
    ///
    /// # Errors
    /// [`WaitError::TimedOut`] or [`WaitError::Stopped`]; the child runs on. [`WaitError::Os`] (`ECHILD`) in a process that did
    /// not start it.
    #[track_caller]
    pub fn wait_until(&self, until: impl Into<Until>) -> Result<Status, WaitError> {
        let until = until.into();
        self.observed("wait", &until, Location::caller(), || {
            self.state.wait_until(&until).map(Status::from)
        })
    }

    /// Asks it to end: SIGTERM, which ends a process at once unless it has arranged otherwise. Does nothing when it has ended.
    ///
    /// # Errors
    /// [`SignalError::NotParent`] in a process that did not start it.
    #[track_caller]
    pub fn terminate(&self) -> Result<(), SignalError> {
        self.signal(Signal::TERM)
    }

    /// Ends it: SIGKILL, which cannot be refused. Does nothing when it has ended.
    ///
    /// # Errors
    /// [`SignalError::NotParent`] in a process that did not start it.
    #[track_caller]
    pub fn kill(&self) -> Result<(), SignalError> {
        self.signal(Signal::KILL)
    }

    /// Interrupts it, as Ctrl-C in a terminal would: SIGINT. Does nothing when it has ended.
    ///
    /// # Errors
    /// [`SignalError::NotParent`] in a process that did not start it.
    #[track_caller]
    pub fn interrupt(&self) -> Result<(), SignalError> {
        self.signal(Signal::INT)
    }

    /// Sends any signal, by the pidfd: if the child has ended, nothing happens, even if its pid is somebody else's by now
    /// (`pidfd_send_signal(2)`).
    ///
    /// # Errors
    /// [`SignalError::NotParent`] in a process that did not start it; [`SignalError::Os`] for a number that is no signal.
    #[track_caller]
    pub fn signal(&self, signal: Signal) -> Result<(), SignalError> {
        self.state
            .check_parent()
            .map_err(|creator| SignalError::NotParent { creator })?;
        probe::emit(
            "signal",
            Phase::Point,
            u64::from(self.pid()),
            i64::from(signal.number()),
            Some(Location::caller()),
        );
        match pidfd::send_signal(&self.state.pidfd, signal.number()) {
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
            Err(error) => Err(SignalError::Os(error)),
            Ok(()) => Ok(()),
        }
    }

    /// Runs `op` between the two events by which an observer sees who waits for whom.
    pub(crate) fn observed<R>(
        &self,
        name: &'static str,
        allowed: &Until,
        caller: &'static Location<'static>,
        op: impl FnOnce() -> R,
    ) -> R {
        let object = u64::from(self.pid());
        probe::emit(name, Phase::Begin, object, allowed.microseconds(), Some(caller));
        let result = op();
        probe::emit(name, Phase::End, object, 0, Some(caller));
        result
    }
}

impl fmt::Debug for ChildHandle {
    /// Its names and how it stands (CPython row P43). Takes nothing from the kernel: a zombie stays one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = match (*lock(&self.state.ended), is_readable(&self.state.pidfd)) {
            (Some(end), _) => Status::from(end).to_string(),
            (None, Ok(false)) => Status::Running.to_string(),
            (None, _) => "has ended (not joined yet)".to_owned(),
        };
        f.debug_struct("Child")
            .field("name", &self.name())
            .field("pid", &self.pid())
            .field("parent", &self.state.creator)
            .field("status", &format_args!("{status}"))
            .field("daemon", &self.is_daemon())
            .field("method", &format_args!("{}", self.start_method()))
            .finish()
    }
}

impl AsFd for ChildHandle {
    /// The pidfd, which becomes readable when the child ends: to wait for it beside anything else.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.state.pidfd.as_fd()
    }
}
