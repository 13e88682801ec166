//! Copies of this process: `fork`, and the fork of a sibling that the forkserver makes.
//!
//! Invariant: both are called in a process of one thread only; the callers check it. In the child of either, glibc's idea
//! of the thread is right: its cached thread id and its registered list of robust mutexes.
#![allow(unsafe_code, reason = "fork, clone3 and clone return twice")]

use std::ffi::c_void;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::atomic::AtomicU32;

use super::call;

/// Which side of a fork this is.
pub(crate) enum Forked {
    Parent { pid: u32 },
    Child,
}

/// `fork(2)` by way of glibc, with its `pthread_atfork` handlers.
pub(crate) fn fork() -> io::Result<Forked> {
    // SAFETY: the process has one thread (the callers check), so no lock is held by a thread that the child lacks.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Forked::Child),
        pid => Ok(Forked::Parent { pid: pid as u32 }),
    }
}

/// Ends and reaps a child of which no more than the pid is known, because there was no descriptor free for its pidfd.
///
/// The one place where a pid is signalled: it is a child that nobody has waited for, so the number cannot be another's. Where
/// somebody may have (`SIGCHLD` ignored), it is asked for first.
pub(crate) fn undo(pid: u32) {
    let pid = pid as libc::pid_t;
    let mut info = std::mem::MaybeUninit::<libc::siginfo_t>::uninit();
    let look = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: `info` is a siginfo to be filled, and is not read.
    if unsafe { libc::waitid(libc::P_PID, pid as libc::id_t, info.as_mut_ptr(), look) } != 0 {
        return;
    }
    // SAFETY: plain system call on two numbers.
    unsafe { libc::kill(pid, libc::SIGKILL) };
    // SAFETY: as above; no status is asked for. It is interrupted by handlers only, and then asked again.
    while unsafe { libc::waitpid(pid, ptr::null_mut(), 0) } < 0
        && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
    {}
}

/// What a raw `clone` leaves undone that glibc's `fork` does: where this thread's id is cached, and where its robust
/// list begins. Both addresses come from the kernel, which glibc told them to.
pub(crate) struct ThreadRegistration {
    tid: *mut c_void,
    robust: *mut RobustListHead,
}

/// The kernel's `struct robust_list_head`.
#[repr(C)]
struct RobustListHead {
    first: *mut c_void,
    offset: libc::c_long,
    pending: *mut c_void,
}

impl ThreadRegistration {
    /// Asks the kernel what this thread registered. Fails with `ENOSYS` or `EINVAL` on a kernel without
    /// `PR_GET_TID_ADDRESS` (built without `CONFIG_CHECKPOINT_RESTORE`).
    pub(crate) fn of_this_thread() -> io::Result<Self> {
        let mut tid: *mut c_void = ptr::null_mut();
        // SAFETY: PR_GET_TID_ADDRESS writes one pointer.
        if unsafe { libc::prctl(libc::PR_GET_TID_ADDRESS, &raw mut tid) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let mut robust: *mut RobustListHead = ptr::null_mut();
        let mut length: libc::size_t = 0;
        // SAFETY: get_robust_list writes one pointer and one length.
        let got = unsafe { libc::syscall(libc::SYS_get_robust_list, 0, &raw mut robust, &raw mut length) };
        if got != 0 {
            return Err(io::Error::last_os_error());
        }
        if tid.is_null() || robust.is_null() || length != size_of::<RobustListHead>() {
            return Err(io::Error::from_raw_os_error(libc::ENOSYS));
        }
        Ok(Self { tid, robust })
    }

    /// Registers this thread's robust list anew, empty: the kernel does not carry it over a fork.
    #[inline]
    fn restore(&self) {
        // SAFETY: the list head lives in this thread's control block, which the copy has at the same address.
        unsafe { (*self.robust).first = self.robust.cast() };
        // SAFETY: as above.
        unsafe { (*self.robust).pending = ptr::null_mut() };
        let arguments = [self.robust as usize, size_of::<RobustListHead>(), 0, 0, 0];
        // SAFETY: the head is valid for the life of the thread, and of the size that the kernel named.
        let _ = unsafe { call::call(libc::SYS_set_robust_list, arguments) };
    }
}

/// Who this is after [`fork_sibling`].
pub(crate) enum Sibling {
    /// The process that called it.
    Us {
        pid: u32,
        pidfd: Option<OwnedFd>,
    },
    New,
    /// The new one, of which nobody has a pidfd yet.
    NewWithoutPidfd,
}

/// Forks a child whose parent is *our* parent: it is a sibling of this process, so our parent waits for it, is seen by
/// it as its parent, and does not depend on this process any more. The kernel writes the child's pid to `pid` before the
/// child can run, so the pid is known even if this process dies inside the call.
///
/// Glibc's `fork` has no way to say `CLONE_PARENT`; what it does besides is done here (see [`ThreadRegistration`]).
/// Where `clone3` is forbidden (containers and sandboxes answer `ENOSYS` or `EPERM`, since a filter cannot look at what it is
/// told), `clone` does the same, but for the pidfd: it has one place for that and for the pid.
#[inline]
pub(crate) fn fork_sibling(thread: &ThreadRegistration, pid: &AtomicU32) -> io::Result<Sibling> {
    match clone3(thread, pid) {
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => clone(thread, pid),
        other => other,
    }
}

/// With CLONE_PARENT the kernel takes our own exit signal (SIGCHLD, as after any exec) and insists on 0 here.
const FLAGS: libc::c_int =
    libc::CLONE_PARENT | libc::CLONE_PARENT_SETTID | libc::CLONE_CHILD_SETTID | libc::CLONE_CHILD_CLEARTID;

#[inline]
fn clone3(thread: &ThreadRegistration, pid: &AtomicU32) -> io::Result<Sibling> {
    #[repr(C)]
    struct CloneArgs {
        flags: u64,
        pidfd: u64,
        child_tid: u64,
        parent_tid: u64,
        exit_signal: u64,
        stack: u64,
        stack_size: u64,
        tls: u64,
    }
    let mut pidfd: RawFd = -1;
    let args = CloneArgs {
        flags: (FLAGS | libc::CLONE_PIDFD) as u64,
        pidfd: (&raw mut pidfd) as u64,
        child_tid: thread.tid as u64,
        parent_tid: pid.as_ptr() as u64,
        exit_signal: 0,
        stack: 0,
        stack_size: 0,
        tls: 0,
    };
    let arguments = [(&raw const args) as usize, size_of::<CloneArgs>(), 0, 0, 0];
    // SAFETY: without CLONE_VM this is a fork: the child has a copy of everything, and this process has one thread.
    match unsafe { call::call(libc::SYS_clone3, arguments) }? {
        0 => {
            thread.restore();
            Ok(Sibling::New)
        }
        pid => {
            // SAFETY: CLONE_PIDFD made this descriptor for us.
            let pidfd = Some(unsafe { OwnedFd::from_raw_fd(pidfd) });
            let pid = pid as u32;
            Ok(Sibling::Us { pid, pidfd })
        }
    }
}

fn clone(thread: &ThreadRegistration, pid: &AtomicU32) -> io::Result<Sibling> {
    let (flags, stack, tls) = (FLAGS as usize, 0, 0);
    let (pid, tid) = (pid.as_ptr() as usize, thread.tid as usize);
    #[cfg(target_arch = "x86_64")]
    let arguments = [flags, stack, pid, tid, tls];
    // The other architectures have the last two the other way round.
    #[cfg(not(target_arch = "x86_64"))]
    let arguments = [flags, stack, pid, tls, tid];
    // SAFETY: as in `clone3`.
    match unsafe { call::call(libc::SYS_clone, arguments) }? {
        0 => {
            thread.restore();
            Ok(Sibling::NewWithoutPidfd)
        }
        pid => {
            let (pid, pidfd) = (pid as u32, None);
            Ok(Sibling::Us { pid, pidfd })
        }
    }
}
