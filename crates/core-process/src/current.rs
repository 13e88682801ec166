//! Who this process is: its name, its place in the tree, its parent.
//!
//! Invariant: set once, before the target runs (or never, in the main process); only the name can change later.

use std::io;
use std::mem::{forget, replace, take};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Mutex;

use crate::handle::lock;
use crate::start::Launch;
use crate::sys::poll::is_readable;
use crate::sys::{call, parent_death, pidfd, threads};
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

/// All that a process knows of itself.
struct Own {
    identity: Option<Identity>,
    /// What the next copy of this process will be, while that is made: it takes it from here, and writes to no other page.
    next: Option<Identity>,
    /// The name that this process gave itself.
    renamed: Option<String>,
}

static OWN: Mutex<Own> = Mutex::new(Own {
    identity: None,
    next: None,
    renamed: None,
});

fn identity() -> Option<Identity> {
    lock(&OWN).identity.clone()
}

/// Before this process is copied: the copy will be the child that `launch` describes. Takes the names out of it.
pub(crate) fn describe_copy(launch: &mut Launch, parent_pid: u32) {
    let next = Identity {
        name: take(&mut launch.name),
        path: take(&mut launch.identity),
        daemon: launch.daemon,
        method: launch.method,
        parent_name: take(&mut launch.parent_name),
        parent_pid,
    };
    lock(&OWN).next = Some(next);
}

/// In the process that was copied.
pub(crate) fn copy_is_made() {
    lock(&OWN).next = None;
}

/// This process becomes the child that was described. Nothing is allocated, and nothing freed: either costs a forked child half a
/// dozen page faults.
#[inline]
pub(crate) fn become_child() {
    let mut own = lock(&OWN);
    let next = own.next.take();
    if let Some(identity) = &next {
        show_in_ps(&identity.name);
    }
    // What a forkserver was is left alone in its copies. A copy of a process that had renamed itself has a name of its own.
    forget((replace(&mut own.identity, next), own.renamed.take()));
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
    lock(&OWN).renamed = Some(name);
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
    let pid = call::process_id();
    let own = lock(&OWN);
    let name = |given: &str| own.renamed.as_deref().unwrap_or(given).to_owned();
    match &own.identity {
        None => Current {
            pid,
            name: name("MainProcess"),
            depth: 0,
            path: Vec::new(),
            is_daemon: false,
            start_method: None,
        },
        Some(identity) => Current {
            pid,
            name: name(&identity.name),
            depth: identity.path.len(),
            path: identity.path.clone(),
            is_daemon: identity.daemon,
            start_method: Some(identity.method),
        },
    }
}

/// Whether this is the main process: not started by this library, whatever thread asks.
pub fn is_main() -> bool {
    lock(&OWN).identity.is_none()
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
