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
    static KNOWN: Cell<Known> = const { Cell::new(Known { epoch: 0, pid: 0, tid: 0 }) };
}

#[derive(Clone, Copy)]
struct Known {
    epoch: u32,
    pid: u32,
    tid: u32,
}

/// A number that is another one in a forked child; never 0.
#[inline]
pub(crate) fn epoch() -> u32 {
    known().epoch
}

/// Whether this is the thread that the process began with.
pub(crate) fn is_main_thread() -> bool {
    let known = known();
    known.tid == known.pid
}

/// The process.
#[inline]
pub(crate) fn pid() -> u32 {
    known().pid
}

/// The kernel's number of this thread; the main thread's is the process's.
#[inline]
pub(crate) fn tid() -> u32 {
    known().tid
}

#[inline]
fn known() -> Known {
    let known = KNOWN.get();
    // Relaxed: this thread's own fork is what changes it, or nobody.
    if known.epoch != 0 && known.epoch == EPOCH.load(Ordering::Relaxed) {
        known
    } else {
        learn()
    }
}

#[cold]
fn learn() -> Known {
    HOOKED.call_once(|| {
        EPOCH.store(1, Ordering::Relaxed);
        // The C library's hook sees every `fork`; the other one a child that the forkserver makes by clone3.
        fork::in_each_child(forget);
        core_process::after_fork(|| forget());
    });
    let known = Known {
        epoch: EPOCH.load(Ordering::Relaxed),
        pid: std::process::id(),
        tid: rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned(),
    };
    KNOWN.set(known);
    known
}

extern "C" fn forget() {
    EPOCH.fetch_add(1, Ordering::Relaxed);
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
