//! Who this process and this thread are, without a system call.
//!
//! Invariant: a forked child is not taken for its parent: what was remembered is forgotten in it.

use std::cell::Cell;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::sys::fork;

/// How often this process has been forked from one that knew itself, plus one; 0 before anybody asked.
static EPOCH: AtomicU32 = AtomicU32::new(0);
static HOOKED: Once = Once::new();

thread_local! {
    static KNOWN: Known = const {
        Known {
            epoch: Cell::new(0),
            pid: Cell::new(0),
            tid: Cell::new(0),
        }
    };
}

struct Known {
    epoch: Cell<u32>,
    pid: Cell<u32>,
    /// 0 while this thread does not know itself.
    tid: Cell<u32>,
}

/// A number that is another one in a forked child; never 0.
#[inline]
pub(crate) fn epoch() -> u32 {
    known(|known| known.epoch.get())
}

/// Whether this is the thread that the process began with.
pub(crate) fn is_main_thread() -> bool {
    known(|known| known.tid.get() == known.pid.get())
}

/// The process.
#[inline]
pub(crate) fn pid() -> u32 {
    known(|known| known.pid.get())
}

/// The kernel's number of this thread; the main thread's is the process's.
#[inline]
pub(crate) fn tid() -> u32 {
    known(|known| known.tid.get())
}

/// The process and the thread.
#[inline]
pub(crate) fn me() -> (u32, u32) {
    known(|known| (known.pid.get(), known.tid.get()))
}

#[inline]
fn known<T>(read: impl FnOnce(&Known) -> T) -> T {
    KNOWN.with(|known| {
        if known.tid.get() == 0 {
            learn(known);
        }
        read(known)
    })
}

#[cold]
fn learn(known: &Known) {
    HOOKED.call_once(|| {
        EPOCH.store(1, Ordering::Relaxed);
        // The C library's hook sees every `fork`; the other one a child that the forkserver makes by clone3.
        fork::in_each_child(forget);
        core_process::after_fork(|| forget());
    });
    known.pid.set(std::process::id());
    // Relaxed: this thread's own fork is what changes it.
    known.epoch.set(EPOCH.load(Ordering::Relaxed));
    let tid = rustix::thread::gettid().as_raw_nonzero().get();
    known.tid.set(tid.cast_unsigned());
}

extern "C" fn forget() {
    EPOCH.fetch_add(1, Ordering::Relaxed);
    // The thread that forked is the only one in the child.
    KNOWN.with(|known| known.tid.set(0));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_differ_and_the_process_does_not() {
        let here = (pid(), tid());
        let there = std::thread::spawn(|| (pid(), tid())).join().unwrap();
        assert_eq!(here, (pid(), tid()));
        assert_eq!(here.0, there.0);
        assert_eq!(here.0, std::process::id());
        assert_ne!(here.1, there.1);
    }
}
