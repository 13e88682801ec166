//! Dispositions and masks of this process, as a fork leaves or inherits them.
#![allow(unsafe_code, reason = "signal and sigprocmask")]

use std::mem::MaybeUninit;

/// Keeps the terminal's interrupt away from this thread. Blocked, not ignored: a copy of this process that is interrupted
/// before it has its own disposition finds the signal pending, and does not lose it.
pub(crate) fn block_interrupt() {
    let mut interrupt = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: fills the set.
    unsafe { libc::sigemptyset(interrupt.as_mut_ptr()) };
    // SAFETY: the set was filled by the call before.
    unsafe { libc::sigaddset(interrupt.as_mut_ptr(), libc::SIGINT) };
    // SAFETY: as above.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, interrupt.as_ptr(), std::ptr::null_mut()) };
}

/// Gives the terminal's interrupt its default action again.
pub(crate) fn restore_interrupt() {
    // SAFETY: SIG_DFL runs no code.
    unsafe { libc::signal(libc::SIGINT, libc::SIG_DFL) };
}

/// Ignores SIGPIPE, as Rust's runtime does before `main`.
pub(crate) fn ignore_broken_pipe() {
    // SAFETY: SIG_IGN runs no code.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
}

/// Unblocks every signal of this thread.
pub(crate) fn unblock_all() {
    let none = 0_u64;
    // SAFETY: the kernel's sigset is 8 bytes, and the pointer is to 8 bytes. A raw call, so that glibc's own signals are
    // unblocked too.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const none,
            std::ptr::null::<u64>(),
            8,
        )
    };
}
