//! Dispositions and masks of this process, as a fork leaves or inherits them.
#![allow(unsafe_code, reason = "signal and sigprocmask")]

use std::mem::MaybeUninit;

use super::call;

/// Of the kernel's sigset, in bytes.
const SET_SIZE: usize = 8;

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
#[inline]
pub(crate) fn restore_interrupt() {
    // The kernel's `struct sigaction` is no longer than this on any processor; all zeros are SIG_DFL, without flags.
    let default = [0_u64; 8];
    let arguments = [libc::SIGINT as usize, default.as_ptr() as usize, 0, SET_SIZE, 0];
    // SAFETY: SIG_DFL runs no code; the old action is not asked for.
    let _ = unsafe { call::call(libc::SYS_rt_sigaction, arguments) };
}

/// Blocks the terminal's interrupt for this thread; the mask of before. For a fork: where this process ignores the interrupt, or catches it,
/// one that is for the copy would be lost before that has its own disposition. What is blocked waits, ignored or not.
#[inline]
pub(crate) fn hold_interrupt() -> u64 {
    let interrupt = 1_u64 << (libc::SIGINT - 1);
    let mut before = 0_u64;
    let arguments = [
        libc::SIG_BLOCK as usize,
        (&raw const interrupt) as usize,
        (&raw mut before) as usize,
        SET_SIZE,
        0,
    ];
    // SAFETY: both pointers are to 8 bytes, which is the length of the kernel's sigset.
    let _ = unsafe { call::call(libc::SYS_rt_sigprocmask, arguments) };
    before
}

/// Gives this thread a mask that it has had.
#[inline]
pub(crate) fn restore_mask(mask: u64) {
    let arguments = [
        libc::SIG_SETMASK as usize,
        (&raw const mask) as usize,
        0,
        SET_SIZE,
        0,
    ];
    // SAFETY: as above.
    let _ = unsafe { call::call(libc::SYS_rt_sigprocmask, arguments) };
}

/// Ignores SIGPIPE, as Rust's runtime does before `main`.
pub(crate) fn ignore_broken_pipe() {
    // SAFETY: SIG_IGN runs no code.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
}

/// Unblocks every signal of this thread. A raw call, so that glibc's own signals are unblocked too.
#[inline]
pub(crate) fn unblock_all() {
    restore_mask(0);
}
