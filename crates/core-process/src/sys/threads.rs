//! How many threads this process has, which of them this is, and which signals it ignores.
#![allow(unsafe_code, reason = "sigaction as a query")]

use std::io;

/// The number of threads of this process, from the link count of `/proc/self/task` (one per thread and two more).
pub(crate) fn count() -> io::Result<usize> {
    Ok((rustix::fs::stat("/proc/self/task")?.st_nlink as usize).saturating_sub(2))
}

/// Whether this thread is the one that the process began with.
pub(crate) fn is_main() -> bool {
    rustix::thread::gettid() == rustix::process::getpid()
}

/// Whether the kernel takes ended children from the table by itself: `SIGCHLD` ignored, or `SA_NOCLDWAIT`.
pub(crate) fn children_are_reaped_by_the_kernel() -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: no new action is set; the old one is written to `action`.
    unsafe { libc::sigaction(libc::SIGCHLD, std::ptr::null(), action.as_mut_ptr()) };
    // SAFETY: the struct was zeroed, which is a valid sigaction, and may have been filled since.
    let action = unsafe { action.assume_init() };
    action.sa_sigaction == libc::SIG_IGN || action.sa_flags & libc::SA_NOCLDWAIT != 0
}
