//! Ctrl-C and SIGTERM: whatever this program started is ended with it.
//!
//! Invariant: one thread takes the ending signals, passes each to every child that is registered, and ends the program with
//! the status that a shell expects. Signals are caught and not blocked, since a child would inherit a blocked one. A child
//! is held by its pidfd, so none but ours can be hit. It does not know what the children do; a cage dies with its grader.

use std::io;
use std::ops::{Deref, DerefMut};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// True from the moment that a signal came; set while [`RUNNING`] is held.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// The children that run now.
static RUNNING: Mutex<Vec<Arc<OwnedFd>>> = Mutex::new(Vec::new());

/// Starts the thread that takes the ending signals. Without one they end this program as they always do.
pub(crate) fn watch() {
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) else {
        return;
    };
    thread::spawn(move || {
        let Some(number) = signals.forever().next() else {
            return;
        };
        let to_children = match number {
            SIGINT => Signal::INT,
            SIGHUP => Signal::HUP,
            _ => Signal::TERM,
        };
        let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        INTERRUPTED.store(true, Ordering::Release);
        for child in running.iter() {
            // One that has just ended is no loss.
            let _gone = pidfd_send_signal(child.as_fd(), to_children);
        }
        std::process::exit(128 + number);
    });
}

/// What follows from a signal (a child that ended, a build that failed) is not worth telling: after one, the thread that
/// took it ends the program, and this call does not return.
pub(crate) fn settle() {
    // Acquire: pairs with the store in `watch`, made before the first child hears of the signal.
    while INTERRUPTED.load(Ordering::Acquire) {
        thread::park();
    }
}

/// A child that is ended with this program.
pub(crate) struct Watched {
    child: Child,
    handle: Arc<OwnedFd>,
}

/// Starts `command`; its signal mask is empty (the standard library sees to that), so it hears the signals itself.
pub(crate) fn spawn(command: &mut Command) -> io::Result<Watched> {
    // The lock is held from before the start until the child is known, so that a signal between the two waits.
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    let child = command.spawn()?;
    let pid = Pid::from_child(&child);
    let handle = Arc::new(pidfd_open(pid, PidfdFlags::empty())?);
    running.push(Arc::clone(&handle));
    Ok(Watched { child, handle })
}

impl Deref for Watched {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.child
    }
}

impl DerefMut for Watched {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.child
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // A child that is left on the way out of an error must not stay; one that was waited for is not there any more.
        let _gone = pidfd_send_signal(self.handle.as_fd(), Signal::KILL);
        let _reaped = self.child.wait();
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|other| !Arc::ptr_eq(other, &self.handle));
    }
}
