//! The normal end of a process: what runs, in which order, and what does not.
//!
//! | end | hooks of `at_exit` | children | code that the parent sees |
//! | --- | --- | --- | --- |
//! | `main` or the target returns | run | daemons terminated, others waited for | 0 (what `main` returned) |
//! | [`exit(n)`](exit), `std::process::exit(n)` | run | the same | `n & 0xff` |
//! | [`fail(why)`](fail) | run | the same | 1 |
//! | panic of the target | run | the same | 101 |
//! | panic of `main` | run | the same | 101 |
//! | [`exit_now(n)`](exit_now), `_exit(n)` | do not run | end by the parent's death | `n & 0xff` |
//! | a signal's default action | do not run | end by the parent's death | `Signaled` |
//!
//! Order: threads of [`thread::spawn`](crate::thread::spawn) are joined, hooks run (last registered first), daemons are
//! terminated, the other children are waited for, the forkserver is ended.
#![allow(unsafe_code, reason = "atexit and _exit")]

use std::fmt::Display;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::handle::lock;
use crate::sys::pidfd;
use crate::{StartMethod, Until, current, registry, start, thread, wait::first_of};

/// The exit code of a process whose target panicked, as Rust's own.
pub(crate) const PANIC_CODE: i32 = 101;

/// How long a daemon may take to end after SIGTERM before it gets SIGKILL.
const DAEMON_GRACE: Duration = Duration::from_secs(1);

type Hook = Box<dyn FnOnce() + Send>;

static HOOKS: Mutex<Vec<Hook>> = Mutex::new(Vec::new());

/// Runs `hook` when this process ends normally: its target or `main` returns or panics, or `exit` is called. Hooks run in the
/// reverse of the order in which they were registered; one that panics does not stop the others. A forked child does not
/// inherit them (CPython rows P35, X08).
///
/// They do not run when a signal or `_exit` ends the process; what has to happen even then belongs to another process.
pub fn at_exit(hook: impl FnOnce() + Send + 'static) {
    register();
    lock(&HOOKS).push(Box::new(hook));
}

/// Ends this process normally with a code, of which the parent sees the low 8 bits (CPython's `sys.exit(n)`, rows P11, P12).
/// Values on the stack are not dropped; the hooks of [`at_exit`] run, and children are seen to.
pub fn exit(code: i32) -> ! {
    match current().start_method {
        Some(method) => end_child(method, code),
        None => std::process::exit(code),
    }
}

/// Ends this process normally with code 1 and says why on stderr (CPython's `sys.exit("text")`, row P13).
///
/// ```no_run
/// let Ok(text) = std::fs::read_to_string("input") else {
///     core_process::fail("there is no file named input");
/// };
/// # drop(text);
/// ```
pub fn fail(why: impl Display) -> ! {
    let _ = writeln!(std::io::stderr(), "{why}");
    exit(1)
}

/// Ends this process at once: no hook runs, nothing is flushed, no thread or child is waited for (CPython's `os._exit(n)`, row
/// X03). Children that end with their parent end now.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: ends the process; nothing of it is used afterwards.
    unsafe { libc::_exit(code) }
}

/// Has the C library call us at the end of `main` and in `exit`, once.
pub(crate) fn register() {
    static REGISTERED: AtomicBool = AtomicBool::new(false);
    if !REGISTERED.swap(true, Ordering::Relaxed) {
        // SAFETY: `on_exit` is a function that lives as long as the image and does not unwind.
        unsafe { libc::atexit(on_exit) };
    }
}

extern "C" fn on_exit() {
    let _ = catch_unwind(at_normal_end);
}

/// Ends a child that has done its target.
pub(crate) fn end_child(method: StartMethod, code: i32) -> ! {
    if method == StartMethod::Spawn {
        // A fresh program: every exit handler in it is its own.
        register();
        std::process::exit(code)
    }
    // A copy: the C library's list holds handlers of the process that it was copied from.
    let _ = catch_unwind(at_normal_end);
    let _ = catch_unwind(|| std::io::stdout().flush());
    exit_now(code)
}

/// Ends this process if a panic comes by here: what lies beyond is another process's code. Most panics are caught before;
/// this is for one in the drop of a caught panic's payload.
pub(crate) struct NoWayBack;

impl Drop for NoWayBack {
    fn drop(&mut self) {
        exit_now(PANIC_CODE)
    }
}

fn at_normal_end() {
    thread::wait_for_all();
    while let Some(hook) = { lock(&HOOKS).pop() } {
        let _ = catch_unwind(AssertUnwindSafe(hook));
    }
    let children = registry::all();
    let ours = |child: &&std::sync::Arc<_>| {
        let child: &crate::handle::ChildState = child;
        child.creator == std::process::id() && !child.is_helper
    };
    for daemon in children.iter().filter(ours).filter(|child| child.daemon) {
        let _ = pidfd::send_signal(&daemon.pidfd, libc::SIGTERM);
    }
    let mut grace = None;
    for daemon in children.iter().filter(ours).filter(|child| child.daemon) {
        let grace = grace.get_or_insert_with(|| Until::from(DAEMON_GRACE));
        if first_of(&[&daemon.pidfd], grace).is_err() {
            let _ = pidfd::send_signal(&daemon.pidfd, libc::SIGKILL);
        }
        let _ = daemon.wait();
    }
    for child in children.iter().filter(ours).filter(|child| !child.daemon) {
        let _ = child.wait();
    }
    start::stop_forkserver();
}

/// In a forked child the parent's hooks neither run nor are dropped: what they own is the parent's.
pub(crate) fn after_fork() {
    std::mem::forget(std::mem::take(&mut *lock(&HOOKS)));
}
