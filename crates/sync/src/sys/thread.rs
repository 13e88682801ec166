//! What only the C library tells a thread to do: to leave every signal to others.
#![allow(unsafe_code, reason = "pthread_sigmask")]

use std::mem::MaybeUninit;

/// From now on no signal is handled on this thread; the process's other threads get them.
pub(crate) fn block_signals() {
    let mut every = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: memory for a set, which the call fills.
    unsafe { libc::sigfillset(every.as_mut_ptr()) };
    // SAFETY: the set was filled; the old mask is not asked for.
    let _ = unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, every.as_ptr(), std::ptr::null_mut()) };
}
