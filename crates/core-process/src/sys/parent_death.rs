//! Learning that the parent has died, with no thread and no descriptor.
//!
//! `PR_SET_PDEATHSIG` alone is not enough: its signal comes when the *thread* that started us ends, not only when the process
//! does. So the signal has a handler, and the handler asks who our parent is now. While the parent lives, `getppid` is its
//! pid, whichever of its threads ended; the kernel re-parents us before it sends the signal, and sends it once more for each
//! re-parenting, so the last one always sees the truth.
//!
//! Invariant: the handler does one system call and then nothing, or ends the process.
#![allow(unsafe_code, reason = "prctl, sigaction and the handler")]

use std::ffi::c_int;
use std::sync::atomic::{AtomicU32, Ordering};

/// Whose death ends this process.
static PARENT: AtomicU32 = AtomicU32::new(0);

/// The signal by which the kernel tells: a real-time one that nothing else in this library uses. It is the third from
/// the top, since debuggers and language runtimes take theirs from the bottom.
pub(crate) fn signal() -> c_int {
    libc::SIGRTMAX() - 2
}

/// The exit code of a child that ended because its parent had: nobody is left to read it but a tracer.
const EXIT_CODE: c_int = 1;

pub(crate) fn parent_pid() -> u32 {
    // SAFETY: has no arguments and cannot fail.
    unsafe { libc::getppid() as u32 }
}

/// Whether the parent lies outside of this process's PID namespace, so that its death cannot be told from its life.
pub(crate) fn is_out_of_sight() -> bool {
    parent_pid() == 0
}

/// From now on the death of `parent` ends this process at once. If it has died already, this call does.
pub(crate) fn arm(parent: u32) {
    // Relaxed: the handler runs in this process after `sigaction` below, which orders it.
    PARENT.store(parent, Ordering::Relaxed);
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: writes one field of a zeroed struct.
    unsafe { (*action.as_mut_ptr()).sa_sigaction = on_signal as *const () as usize };
    // SAFETY: as above. A thread's end is no reason to interrupt a system call.
    unsafe { (*action.as_mut_ptr()).sa_flags = libc::SA_RESTART };
    // SAFETY: the struct is complete: a handler, flags, an empty mask.
    unsafe { libc::sigaction(signal(), action.as_ptr(), std::ptr::null_mut()) };
    // SAFETY: PR_SET_PDEATHSIG takes a signal number.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal() as libc::c_ulong) };
    exit_if_orphaned();
}

/// Lets this process outlive its parent.
pub(crate) fn disarm() {
    // SAFETY: 0 takes the setting back.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, 0 as libc::c_ulong) };
}

/// Ends this process if its parent is not the one expected: that one has died, or this is somebody else's child.
pub(crate) fn exit_unless_parent_is(parent: u32) {
    PARENT.store(parent, Ordering::Relaxed);
    exit_if_orphaned();
}

extern "C" fn on_signal(_signal: c_int) {
    exit_if_orphaned();
}

fn exit_if_orphaned() {
    if parent_pid() != PARENT.load(Ordering::Relaxed) {
        // SAFETY: ends the process; async-signal-safe.
        unsafe { libc::_exit(EXIT_CODE) }
    }
}
