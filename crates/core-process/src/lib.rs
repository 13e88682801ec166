//! Processes that start, return and end: CPython's `multiprocessing.Process` in Rust, and what every crate above stands on.
//!
//! ```
//! use core_process::Process;
//!
//! fn square(x: u64) -> u64 {
//!     x * x
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     core_process::init(); // the first line: a child never gets past it
//!     let child = Process::new(square, 7).name("sq").start()?;
//!     assert_eq!(child.join()?, 49);
//!     Ok(())
//! }
//! ```
//!
//! In reading order:
//!
//! - [`Process`] is a recipe, [`Child`] a running process that will give a value, [`ChildHandle`] one of any type, [`Status`] and
//!   [`ChildError`] how it ended.
//! - [`init`] is the rule of the first line; [`current`], [`parent`], [`active_children`] and [`find_by_name`] tell who is who.
//! - [`StartMethod`] and [`Context`] choose between `spawn`, `forkserver` and `fork`.
//! - [`Until`], [`StopToken`], [`wait_any`] and [`join_all`] are for waiting; [`at_exit`], [`exit()`], [`fail`], [`exit_now`] and
//!   [`thread`] for the end; [`after_fork`] for the beginning of a copy.
//! - [`shm`] is shared memory, [`Fd`] a descriptor as a value, [`codec`] how values become bytes, [`packet`] how bytes and
//!   descriptors travel.
//! - [`probe`] shows an observer what the library does.
//!
//! System calls are in `sys`, the start and the child's side of it in `start`.

#![allow(
    clippy::needless_doctest_main,
    reason = "init() has to be seen as the first line of main"
)]

// The code that `#[derive(Shared)]` writes names this crate.
extern crate self as core_process;

mod authkey;
mod child;
pub mod codec;
mod cpu;
mod current;
mod descriptor;
mod error;
mod exit;
mod fork_hooks;
mod handle;
mod join_all;
pub mod packet;
pub mod probe;
mod process;
mod registry;
mod returns;
pub mod shm;
mod signal;
mod start;
mod status;
mod stdio;
mod stop;
mod sys;
mod target;
pub mod thread;
mod until;
mod wait;

pub use authkey::{AuthKey, authkey, set_authkey};
pub use child::Child;
pub use cpu::{cpu_count, usable_cpus};
pub use current::{Current, Parent, current, is_main, parent, rename};
pub use descriptor::Fd;
pub use error::{ChildError, JoinError, SignalError, StartError};
pub use exit::{at_exit, exit, exit_now, fail};
pub use fork_hooks::after_fork;
pub use handle::ChildHandle;
pub use join_all::{JoinAll, join_all};
pub use process::{ForkProcess, ParentDeath, Process};
pub use registry::{active_children, find_by_name};
pub use signal::{Signal, UnknownSignal};
pub use start::bootstrap::init;
pub use start::{
    AlreadySet, Context, PreloadPanic, StartMethod, UnknownMethod, available_methods, reset_start_method,
    set_forkserver_preload, set_forkserver_preload_with, set_start_method, start_method,
};
pub use status::Status;
pub use stdio::Stdio;
pub use stop::{StopSource, StopToken};
pub use target::Target;
pub use until::{Until, WaitError};
pub use wait::{wait_any, wait_to_write};

#[doc(hidden)]
pub use start::bootstrap::before_main;

/// Does the work of [`init`] before `main`, for a program that has no `main` of its own: a test binary, a benchmark. Written
/// once, at the top of the file.
///
/// ```no_run
/// core_process::divert_before_main!();
///
/// #[test]
/// fn a_child_returns() {
///     let child = core_process::Process::new(|| 7, ()).start().unwrap();
///     assert_eq!(child.join(), Ok(7));
/// }
/// # fn main() {}
/// ```
///
/// A child then runs its target before the test harness begins, with one thread. It is no substitute for `init` in a program:
/// what a library sets up before `main` may come later than this.
#[macro_export]
macro_rules! divert_before_main {
    () => {
        #[used]
        #[allow(
            unsafe_code,
            reason = "a function pointer that the C library calls before main"
        )]
        #[unsafe(link_section = ".init_array")]
        static DIVERT_BEFORE_MAIN: extern "C" fn() = $crate::before_main;
    };
}

#[cfg(test)]
divert_before_main!();

/// The descriptors that the library itself keeps open in this process: the forkserver's socket and pidfd, the two ends of the
/// socket for descriptors in results, one start block, which is used again, one of `/dev/null`,
/// and the socket and pidfd of the keeper of names. Who looks for leaks leaves
/// them out.
pub fn own_descriptors() -> Vec<std::os::fd::RawFd> {
    start::own_descriptors()
        .into_iter()
        .chain(returns::own_descriptors())
        .chain(start::kept::own_descriptors())
        .chain(stdio::own_descriptors())
        .chain(shm::own_descriptors())
        .collect()
}

/// The pids of the library's own children: the forkserver and the keeper of names, where they run.
pub fn own_processes() -> Vec<u32> {
    registry::helpers()
}
