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
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};

use super::call;

/// Whose death ends this process; 0: nobody's.
static PARENT: AtomicU32 = AtomicU32::new(0);

/// What [`signal`] said when the handler was installed: to ask again would run more of the C library.
static KNOWN_SIGNAL: AtomicI32 = AtomicI32::new(0);

/// The signal by which the kernel tells: a real-time one that nothing else in this library uses. It is the third from
/// the top, since debuggers and language runtimes take theirs from the bottom.
pub(crate) fn signal() -> c_int {
    libc::SIGRTMAX() - 2
}

/// The exit code of a child that ended because its parent had: nobody is left to read it but a tracer.
const EXIT_CODE: c_int = 1;

pub(crate) fn parent_pid() -> u32 {
    call::parent_id()
}

/// Whether the parent lies outside of this process's PID namespace, so that its death cannot be told from its life.
pub(crate) fn is_out_of_sight() -> bool {
    parent_pid() == 0
}

/// What a process has for our signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handler {
    Ours,
    /// Its own, or none: a child installs ours.
    Another,
}

/// In a process that is about to be copied: gives its copies the handler, which costs each of them less than to install it. In a
/// process that is not armed it does nothing when the signal comes. An action of the program's own stays.
pub(crate) fn prepare() -> Handler {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: no new action is set; the old one is written to `action`.
    unsafe { libc::sigaction(signal(), std::ptr::null(), action.as_mut_ptr()) };
    // SAFETY: the struct was zeroed, which is a valid sigaction, and may have been filled since.
    let action = unsafe { action.assume_init() };
    if action.sa_sigaction == on_signal as *const () as usize {
        return Handler::Ours;
    }
    if action.sa_sigaction != libc::SIG_DFL {
        return Handler::Another;
    }
    install();
    Handler::Ours
}

/// From now on the death of `parent` ends this process at once. If it has died already, this call does.
#[inline]
pub(crate) fn arm(parent: u32, handler: Handler) {
    // Relaxed: the handler runs in this process after the system calls below, which order it.
    PARENT.store(parent, Ordering::Relaxed);
    let signal = match handler {
        Handler::Ours => KNOWN_SIGNAL.load(Ordering::Relaxed),
        Handler::Another => {
            install();
            signal()
        }
    };
    let arguments = [libc::PR_SET_PDEATHSIG as usize, signal as usize, 0, 0, 0];
    // SAFETY: PR_SET_PDEATHSIG takes a signal number.
    let _ = unsafe { call::call(libc::SYS_prctl, arguments) };
    exit_if_orphaned();
}

fn install() {
    KNOWN_SIGNAL.store(signal(), Ordering::Relaxed);
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: writes one field of a zeroed struct.
    unsafe { (*action.as_mut_ptr()).sa_sigaction = on_signal as *const () as usize };
    // SAFETY: as above. A thread's end is no reason to interrupt a system call.
    unsafe { (*action.as_mut_ptr()).sa_flags = libc::SA_RESTART };
    // SAFETY: the struct is complete: a handler, flags, an empty mask.
    unsafe { libc::sigaction(signal(), action.as_ptr(), std::ptr::null_mut()) };
}

/// Lets this process outlive its parent.
pub(crate) fn disarm() {
    PARENT.store(0, Ordering::Relaxed);
    let arguments = [libc::PR_SET_PDEATHSIG as usize, 0, 0, 0, 0];
    // SAFETY: 0 takes the setting back.
    let _ = unsafe { call::call(libc::SYS_prctl, arguments) };
}

/// Ends this process if its parent is not the one expected: that one has died, or this is somebody else's child.
pub(crate) fn exit_unless_parent_is(parent: u32) {
    PARENT.store(parent, Ordering::Relaxed);
    exit_if_orphaned();
}

extern "C" fn on_signal(_signal: c_int) {
    exit_if_orphaned();
}

#[inline]
fn exit_if_orphaned() {
    let parent = PARENT.load(Ordering::Relaxed);
    if parent != 0 && parent_pid() != parent {
        call::exit_group(EXIT_CODE)
    }
}
