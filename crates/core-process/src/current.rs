//! Who this process is: its name, its place in the tree, its parent.
//!
//! Invariant: set once, before the target runs (or never, in the main process); only the name can change later.

use std::io;
use std::mem::{forget, take};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{PoisonError, RwLock};

use crate::start::Launch;
use crate::sys::poll::is_readable;
use crate::sys::{parent_death, pidfd, threads};
use crate::wait::first_of;
use crate::{Signal, SignalError, StartMethod, Until, WaitError, thread};

/// What a child was told of itself.
#[derive(Debug, Clone)]
struct Identity {
    name: String,
    path: Vec<u32>,
    daemon: bool,
    method: StartMethod,
    parent_name: String,
    parent_pid: u32,
}

static IDENTITY: RwLock<Option<Identity>> = RwLock::new(None);

/// The name that this process gave itself.
static RENAMED: RwLock<Option<String>> = RwLock::new(None);

fn name() -> String {
    let renamed = RENAMED.read().unwrap_or_else(PoisonError::into_inner).clone();
    renamed
        .or_else(|| identity().map(|identity| identity.name))
        .unwrap_or_else(|| "MainProcess".to_owned())
}

fn identity() -> Option<Identity> {
    IDENTITY.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// This process becomes the child that `launch` describes; takes the names out of it. Nothing is allocated, since the first
/// allocation of a forked child costs it half a dozen page faults.
#[inline]
pub(crate) fn become_child(launch: &mut Launch, parent_pid: u32) {
    show_in_ps(&launch.name);
    let identity = Identity {
        name: take(&mut launch.name),
        path: take(&mut launch.identity),
        daemon: launch.daemon,
        method: launch.method,
        parent_name: take(&mut launch.parent_name),
        parent_pid,
    };
    // What a forkserver was is not dropped in its copies: to free memory is as dear as to allocate it.
    let before = IDENTITY
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .replace(identity);
    forget(before);
    // A copy of a process that had renamed itself has a name of its own.
    *RENAMED.write().unwrap_or_else(PoisonError::into_inner) = None;
}

/// Gives this process's first thread the name's first 15 bytes, which is what `ps` shows. It is a convenience: a system without
/// `/proc` goes without.
#[inline]
fn show_in_ps(name: &str) {
    let mut shown = [0; 16];
    for (place, byte) in shown[..15].iter_mut().zip(name.bytes().filter(|byte| *byte != 0)) {
        *place = byte;
    }
    if thread::is_main() {
        threads::rename_this(&shown);
    } else {
        let length = shown.iter().position(|byte| *byte == 0).unwrap_or(shown.len());
        let _ = std::fs::write("/proc/self/comm", &shown[..length]);
    }
}

/// Changes the name of the calling process, for itself, for `ps` and for children that it starts from now on
/// ([`Parent::name`]). Its parent does not learn of it (CPython row P08).
///
/// ```
/// fn main() {
///     core_process::init();
///     core_process::rename("conductor");
///     assert_eq!(core_process::current().name, "conductor");
/// }
/// ```
pub fn rename(name: impl Into<String>) {
    let name = name.into();
    show_in_ps(&name);
    *RENAMED.write().unwrap_or_else(PoisonError::into_inner) = Some(name);
}

/// A snapshot of the calling process (CPython's `current_process()`, row P27).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Current {
    /// The process id.
    pub pid: u32,
    /// `MainProcess` in the main process.
    pub name: String,
    /// How far it is from the main process: 0 there, 1 in its children.
    pub depth: usize,
    /// The counters on the way from the main process: `[1, 2]` is the second child of its first.
    pub path: Vec<u32>,
    /// Whether it is a daemon, and may have no children.
    pub is_daemon: bool,
    /// How it was started; `None` in the main process.
    pub start_method: Option<StartMethod>,
}

impl Current {
    /// Whether this is the main process: not started by this library.
    pub fn is_main(&self) -> bool {
        self.path.is_empty()
    }
}

/// The calling process, as it sees itself.
///
/// ```
/// fn main() {
///     core_process::init();
///     let me = core_process::current();
///     assert_eq!((me.name.as_str(), me.depth), ("MainProcess", 0));
///     assert_eq!(me.pid, std::process::id());
/// }
/// ```
pub fn current() -> Current {
    let pid = std::process::id();
    match identity() {
        None => Current {
            pid,
            name: name(),
            depth: 0,
            path: Vec::new(),
            is_daemon: false,
            start_method: None,
        },
        Some(identity) => Current {
            pid,
            name: name(),
            depth: identity.path.len(),
            path: identity.path,
            is_daemon: identity.daemon,
            start_method: Some(identity.method),
        },
    }
}

/// Whether this is the main process: not started by this library, whatever thread asks.
pub fn is_main() -> bool {
    IDENTITY.read().unwrap_or_else(PoisonError::into_inner).is_none()
}

/// The process that started this one (CPython's `parent_process()`, row P28).
#[derive(Debug)]
pub struct Parent {
    pid: u32,
    name: String,
    /// `ESRCH` when it had died before it was asked for, another number where no pidfd could be had.
    pidfd: Result<OwnedFd, i32>,
}

/// The parent of this process, if this library started it; `None` in the main process.
///
/// ```
/// use core_process::{Process, current, parent};
///
/// fn main() {
///     core_process::init();
///     assert!(parent().is_none());
///     let child = Process::new(|| parent().map(|parent| (parent.pid(), parent.is_alive())), ()).start().unwrap();
///     assert_eq!(child.join().unwrap(), Some((current().pid, true)));
/// }
/// ```
pub fn parent() -> Option<Parent> {
    let identity = identity()?;
    let pid = identity.parent_pid;
    // The pid may be reused once the parent is dead, and then somebody else is our parent: so first open, then look.
    let opened = pidfd::open(pid).map_err(|error| error.raw_os_error().unwrap_or(libc::EIO));
    let pidfd = if parent_death::parent_pid() == pid {
        opened
    } else {
        Err(libc::ESRCH)
    };
    Some(Parent {
        pid,
        name: identity.parent_name,
        pidfd,
    })
}

impl Parent {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The name that it had when it started this process.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is still running.
    pub fn is_alive(&self) -> bool {
        match &self.pidfd {
            Ok(pidfd) => matches!(is_readable(pidfd), Ok(false)),
            Err(libc::ESRCH) => false,
            Err(_) => parent_death::parent_pid() == self.pid,
        }
    }

    /// Waits until it has ended. A process that is to do so must have been started with
    /// [`ParentDeath::Continue`](crate::ParentDeath::Continue), or it ends with its parent.
    ///
    /// # Errors
    /// As for [`join_until`](Self::join_until).
    pub fn join(&self) -> Result<(), WaitError> {
        self.join_until(Until::forever())
    }

    /// Waits no longer than `until`.
    ///
    /// # Errors
    /// [`WaitError::TimedOut`] or [`WaitError::Stopped`]; the parent runs on. [`WaitError::Os`] (`EMFILE`) if no descriptor was
    /// free for its pidfd when [`parent`] was called.
    pub fn join_until(&self, until: impl Into<Until>) -> Result<(), WaitError> {
        match &self.pidfd {
            Ok(pidfd) => first_of(&[pidfd], &until.into()).map(drop),
            Err(libc::ESRCH) => Ok(()),
            Err(code) => Err(io::Error::from_raw_os_error(*code).into()),
        }
    }

    /// Sends it a signal, by its pidfd: nothing happens when it has ended, whoever has its pid by then (CPython row X13).
    ///
    /// # Errors
    /// [`SignalError::Os`] where the kernel refuses: a parent that runs as another user; `EMFILE` if no descriptor was free for
    /// its pidfd when [`parent`] was called.
    pub fn signal(&self, signal: Signal) -> Result<(), SignalError> {
        let sent = match &self.pidfd {
            Ok(pidfd) => pidfd::send_signal(pidfd, signal.number()),
            Err(code) => Err(io::Error::from_raw_os_error(*code)),
        };
        match sent {
            Err(error) if error.raw_os_error() != Some(libc::ESRCH) => Err(SignalError::Os(error)),
            _ => Ok(()),
        }
    }

    /// The parent's pidfd, to wait for it beside anything else; `None` when it had died before, or no descriptor was free.
    pub fn pidfd(&self) -> Option<BorrowedFd<'_>> {
        self.pidfd.as_ref().ok().map(AsFd::as_fd)
    }
}
