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
//!
//! Invariant: one thread does this, once ([`Turn`]). A second one that ends the process meanwhile is neither waited for nor
//! does it cut the first one short; a hook that ends the process goes on with what is left.
#![allow(unsafe_code, reason = "atexit and _exit")]

use std::fmt::Display;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::handle::{ChildState, lock};
use crate::sys::{call, pidfd};
use crate::{StartMethod, Until, current, registry, thread, wait::first_of};

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
///
/// Any thread may call it, a hook too; the code of a thread that calls it while `main` has returned and waits is the one that
/// counts. (`std::process::exit` waits there for ever, as that is what it does while another thread ends the process.)
pub fn exit(code: i32) -> ! {
    end(current().start_method, code)
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

/// Whether the normal end has begun, for all threads, and by which: a word here, and not one of that thread's own, since a forked
/// child pays for each page that it writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Free,
    Taken { by: u32 },
    Done { by: u32 },
}

static TURN: Mutex<Turn> = Mutex::new(Turn::Free);
static DONE: Condvar = Condvar::new();

/// The process that registered: a copy by a plain `fork` has the handler too, and is not ours to end.
static OWNER: AtomicU32 = AtomicU32::new(0);

/// The C library's end of this process has begun, which happens once.
static LAST_CALL: AtomicBool = AtomicBool::new(false);

/// Has the C library call us at the end of `main` and in `exit`, once.
pub(crate) fn register() {
    static REGISTERED: AtomicBool = AtomicBool::new(false);
    if !REGISTERED.swap(true, Ordering::Relaxed) {
        OWNER.store(call::process_id(), Ordering::Relaxed);
        // SAFETY: `on_exit` is a function that lives as long as the image and does not unwind.
        unsafe { libc::atexit(on_exit) };
    }
}

/// Whether threads, hooks and children are this process's own.
#[inline]
fn is_owner() -> bool {
    OWNER.load(Ordering::Relaxed) == call::process_id()
}

extern "C" fn on_exit() {
    if is_owner() {
        LAST_CALL.store(true, Ordering::Relaxed);
        // Before the turn is taken: one of these threads may end the process with a code of its own.
        thread::leave();
        thread::wait_for_all();
        if take_turn() {
            let _ = catch_unwind(at_normal_end);
        }
    }
}

/// Ends a child that has done its target.
#[inline]
pub(crate) fn end_child(method: StartMethod, code: i32) -> ! {
    thread::wait_for_all();
    end(Some(method), code)
}

#[inline]
fn end(method: Option<StartMethod>, code: i32) -> ! {
    if is_owner() {
        while !take_turn() {
            // Another thread ends the process, with its own code.
            std::thread::park();
        }
        let _ = catch_unwind(at_normal_end);
    }
    // In a copy the C library's list holds handlers of the process that it was copied from.
    let is_copy = matches!(method, Some(StartMethod::ForkServer | StartMethod::Fork));
    if is_copy || LAST_CALL.load(Ordering::Relaxed) {
        let _ = catch_unwind(|| std::io::stdout().flush());
        call::exit_group(code)
    }
    *lock(&TURN) = Turn::Done {
        by: call::thread_id(),
    };
    DONE.notify_all();
    std::process::exit(code)
}

/// Ends this process if a panic comes by here: what lies beyond is another process's code. Most panics are caught before;
/// this is for one in the drop of a caught panic's payload.
pub(crate) struct NoWayBack;

impl Drop for NoWayBack {
    fn drop(&mut self) {
        exit_now(PANIC_CODE)
    }
}

#[inline]
fn at_normal_end() {
    thread::wait_for_all();
    while let Some(hook) = { lock(&HOOKS).pop() } {
        let _ = catch_unwind(AssertUnwindSafe(hook));
    }
    let children = registry::all();
    if !children.is_empty() {
        see_to(&children);
    }
}

/// Ends daemons, waits for the others, ends the helpers.
#[cold]
fn see_to(children: &[Arc<ChildState>]) {
    let (helpers, children): (Vec<_>, Vec<_>) = children.iter().partition(|child| child.is_helper);
    let (daemons, others): (Vec<_>, Vec<_>) = children.into_iter().partition(|child| child.daemon);
    for daemon in &daemons {
        let _ = pidfd::send_signal(&daemon.pidfd, libc::SIGTERM);
    }
    let mut grace = None;
    for daemon in daemons {
        let grace = grace.get_or_insert_with(|| Until::from(DAEMON_GRACE));
        if first_of(&[&daemon.pidfd], grace).is_err() {
            let _ = pidfd::send_signal(&daemon.pidfd, libc::SIGKILL);
        }
        let _ = daemon.wait();
    }
    for child in others {
        let _ = child.wait();
    }
    // By its process, and not by its client, which may be waiting for it just now, with no end if it is stopped.
    for helper in helpers {
        let _ = pidfd::send_signal(&helper.pidfd, libc::SIGKILL);
        let _ = helper.wait();
    }
}

/// Whether it is for this thread to do; if another does it, waits until that is done.
#[inline]
fn take_turn() -> bool {
    let me = call::thread_id();
    let mut turn = lock(&TURN);
    if *turn == Turn::Free {
        *turn = Turn::Taken { by: me };
    }
    // Whoever has the turn waits for all threads but those that come here.
    thread::leave();
    loop {
        match *turn {
            Turn::Taken { by } | Turn::Done { by } if by == me => return true,
            Turn::Taken { .. } => turn = DONE.wait(turn).unwrap_or_else(PoisonError::into_inner),
            Turn::Free | Turn::Done { .. } => return false,
        }
    }
}

/// In a forked child the parent's hooks neither run nor are dropped: what they own is the parent's. Its end is its own.
#[inline]
pub(crate) fn after_fork() {
    OWNER.store(call::process_id(), Ordering::Relaxed);
    LAST_CALL.store(false, Ordering::Relaxed);
    *lock(&TURN) = Turn::Free;
    std::mem::forget(std::mem::take(&mut *lock(&HOOKS)));
}
