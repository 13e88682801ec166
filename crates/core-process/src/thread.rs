//! Threads that a process waits for before it ends.
//!
//! In Rust the end of `main` cuts every other thread short. CPython joins the non-daemon ones first (rows P33 and P34). Here
//! the choice is made where the thread is started: [`spawn`] for a thread that has to finish, `std::thread::spawn` for one
//! that may be cut.

use std::cell::Cell;
use std::io;
use std::sync::{Condvar, Mutex};
use std::thread::JoinHandle;

use crate::handle::lock;

static UNFINISHED: Mutex<usize> = Mutex::new(0);
static FINISHED: Condvar = Condvar::new();

thread_local! {
    /// Whether the calling thread is one of the unfinished, and has not left.
    static COUNTED: Cell<bool> = const { Cell::new(false) };
}

/// Counts a thread until it has finished, panicked or failed to start.
struct Unfinished;

impl Unfinished {
    fn new() -> Self {
        *lock(&UNFINISHED) += 1;
        Self
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        *lock(&UNFINISHED) -= 1;
        FINISHED.notify_all();
    }
}

/// Starts a thread that this process, main or child, waits for before it ends normally. A panic, a signal or `_exit` of the
/// whole process does not wait.
///
/// ```
/// core_process::thread::spawn(|| 6 * 7).unwrap().join().unwrap();
/// ```
///
/// # Errors
/// That of `pthread_create`: no memory, or the limit of threads.
pub fn spawn<T, F>(f: F) -> io::Result<JoinHandle<T>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    crate::exit::register();
    let unfinished = Unfinished::new();
    std::thread::Builder::new().spawn(move || {
        let _unfinished = unfinished;
        COUNTED.set(true);
        f()
    })
}

/// Whether the calling thread is the one that its process began with: its thread id is the process id.
pub fn is_main() -> bool {
    crate::sys::threads::is_main()
}

/// The kernel's number of the calling thread: `threading.get_native_id()`. No two living threads of a machine (of a PID
/// namespace) share one, whatever their processes; it is used again when the thread has ended.
///
/// ```
/// let main = core_process::thread::native_id();
/// let other = std::thread::spawn(core_process::thread::native_id).join().unwrap();
/// assert_ne!(main, other);
/// ```
pub fn native_id() -> u32 {
    rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs()
}

/// The calling thread is ending the process, and is not waited for any more. It never returns.
#[inline]
pub(crate) fn leave() {
    if COUNTED.get() {
        COUNTED.set(false);
        drop(Unfinished);
    }
}

/// Waits for all threads of [`spawn`].
#[inline]
pub(crate) fn wait_for_all() {
    let mut unfinished = lock(&UNFINISHED);
    while *unfinished > 0 {
        unfinished = FINISHED
            .wait(unfinished)
            .unwrap_or_else(std::sync::PoisonError::into_inner);
    }
}

/// In a forked child there are no other threads.
#[inline]
pub(crate) fn after_fork() {
    *lock(&UNFINISHED) = 0;
    if COUNTED.get() {
        COUNTED.set(false);
    }
}
