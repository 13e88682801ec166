//! Hooks that run in a child that begins as a copy of another process: what a library does about state that must not be shared.
//!
//! Invariant: they run before the target, in the order in which they were registered, in the only thread that the child has.
//! A child of `spawn` has nothing to put right and no hooks.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use crate::handle::lock;

type Hook = Box<dyn Fn() + Send>;

static HOOKS: Mutex<Vec<Hook>> = Mutex::new(Vec::new());

/// Runs `hook` in every child that is made by copying this process from now on: by [`StartMethod::Fork`](crate::StartMethod::Fork),
/// and by the forkserver where its preload function registered it (CPython's `register_after_fork`, row X10). The child keeps
/// it for children of its own.
///
/// A hook that panics is reported on stderr and stops neither the others nor the child.
///
/// ```
/// use core_process::{ForkProcess, after_fork};
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// static CACHED_PID: AtomicU32 = AtomicU32::new(0);
///
/// fn main() {
///     core_process::init();
///     CACHED_PID.store(std::process::id(), Ordering::Relaxed);
///     after_fork(|| CACHED_PID.store(std::process::id(), Ordering::Relaxed));
///     let child = ForkProcess::new(|| CACHED_PID.load(Ordering::Relaxed)).start().unwrap();
///     assert_eq!(child.join().unwrap(), child.pid());
/// }
/// ```
pub fn after_fork(hook: impl Fn() + Send + 'static) {
    lock(&HOOKS).push(Box::new(hook));
}

/// In a forked child, once it knows who it is.
#[inline]
pub(crate) fn run() {
    if !lock(&HOOKS).is_empty() {
        run_all();
    }
}

#[cold]
fn run_all() {
    // Taken out meanwhile, so that a hook may register another.
    let hooks = std::mem::take(&mut *lock(&HOOKS));
    for hook in &hooks {
        let _ = catch_unwind(AssertUnwindSafe(hook));
    }
    let mut all = lock(&HOOKS);
    let added = std::mem::replace(&mut *all, hooks);
    all.extend(added);
}
