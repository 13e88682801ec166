//! A process as a descriptor: opened, waited for, signalled. A pid is never signalled.
//!
//! Invariant: a status is read from the kernel once, by whoever asks first; that it is kept is the caller's matter.
#![allow(
    unsafe_code,
    reason = "pidfd_send_signal with any signal number, and PIDFD_GET_INFO"
)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions, WaitIdStatus};

use crate::sys::poll::is_readable;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Exited(i32),
    Signaled(i32),
    /// Somebody else took the status (a foreign `waitpid(-1)`, an ignored `SIGCHLD`) and this kernel keeps no copy.
    Stolen,
}

/// The pidfd of a process. It refers to the right one only where the caller knows that the pid cannot be reused: an
/// unreaped child, or a parent that is checked to be still the parent afterwards.
pub(crate) fn open(pid: u32) -> io::Result<OwnedFd> {
    let pid = i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .ok_or(io::ErrorKind::InvalidInput)?;
    let pidfd = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
    super::fd::above_standard(pidfd)
}

/// [`open`] for a child that was just made and has no other descriptor. Where that fails, the child is ended: nobody could
/// wait for it.
pub(crate) fn adopt(pid: u32) -> io::Result<OwnedFd> {
    open(pid).inspect_err(|_| super::fork::undo(pid))
}

/// Moves a new child's pidfd above the standard streams. Where that fails, the child is ended: nobody could wait for it.
pub(crate) fn keep(pidfd: OwnedFd) -> io::Result<OwnedFd> {
    if super::fd::is_above_standard(&pidfd) {
        return Ok(pidfd);
    }
    super::fd::duplicate(&pidfd).map_err(|code| {
        let _ = send_signal(&pidfd, libc::SIGKILL);
        let _ = reap(&pidfd);
        io::Error::from_raw_os_error(code)
    })
}

/// Waits for a child's end and takes it from the kernel's table.
pub(crate) fn reap(pidfd: &impl AsFd) -> io::Result<End> {
    wait(pidfd, WaitIdOptions::EXITED).map(|end| end.unwrap_or(End::Stolen))
}

/// Takes a child that has ended from the kernel's table; `None` while it runs.
///
/// Agrees with the pidfd: once that is readable there is a status. The kernel tells the parent of a child that is traced (by a
/// debugger, by strace) only when the tracer has let it go, a moment after the pidfd; so then it is waited for.
pub(crate) fn try_reap(pidfd: &impl AsFd) -> io::Result<Option<End>> {
    match wait(pidfd, WaitIdOptions::EXITED | WaitIdOptions::NOHANG)? {
        None if is_readable(pidfd)? => reap(pidfd).map(Some),
        end => Ok(end),
    }
}

fn wait(pidfd: &impl AsFd, options: WaitIdOptions) -> io::Result<Option<End>> {
    loop {
        match rustix::process::waitid(WaitId::PidFd(pidfd.as_fd()), options) {
            Ok(status) => return Ok(status.as_ref().map(end_of)),
            Err(rustix::io::Errno::INTR) => {}
            // Not our child any more: the process has ended, and somebody else has its status.
            Err(rustix::io::Errno::CHILD) => {
                return Ok(Some(kept_by_the_kernel(pidfd).unwrap_or(End::Stolen)));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn end_of(status: &WaitIdStatus) -> End {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => End::Exited(code),
        (None, Some(signal)) => End::Signaled(signal),
        (None, None) => End::Stolen,
    }
}

/// Since Linux 6.15 a pidfd that was open when its process was reaped still knows how it ended.
fn kept_by_the_kernel(pidfd: &impl AsFd) -> Option<End> {
    /// `struct pidfd_info` of `linux/pidfd.h`, version 0.
    #[repr(C)]
    #[derive(Default)]
    struct Info {
        mask: u64,
        cgroup: u64,
        ids: [u32; 11],
        exit_code: i32,
    }
    const PIDFD_INFO_EXIT: u64 = 1 << 3;
    const PIDFD_GET_INFO: libc::Ioctl = 0xC040_FF0B;
    const { assert!(size_of::<Info>() == 64, "the ioctl's number carries this size") };

    let mut info = Info {
        mask: PIDFD_INFO_EXIT,
        ..Info::default()
    };
    // SAFETY: the ioctl fills a struct of the size that its number names.
    let done = unsafe { libc::ioctl(pidfd.as_fd().as_raw_fd(), PIDFD_GET_INFO, &raw mut info) };
    if done != 0 || info.mask & PIDFD_INFO_EXIT == 0 {
        return None;
    }
    if libc::WIFSIGNALED(info.exit_code) {
        Some(End::Signaled(libc::WTERMSIG(info.exit_code)))
    } else {
        Some(End::Exited(libc::WEXITSTATUS(info.exit_code)))
    }
}

/// Sends a signal. `ESRCH` when the process has ended.
pub(crate) fn send_signal(pidfd: &impl AsFd, signal: i32) -> io::Result<()> {
    let descriptor = pidfd.as_fd().as_raw_fd();
    // SAFETY: plain system call on a descriptor and a number; no siginfo is passed.
    let sent = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            descriptor,
            signal,
            std::ptr::null::<libc::siginfo_t>(),
            0,
        )
    };
    if sent == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    use crate::{Fd, Process, Signal, Status, wait_any};

    /// Far longer than any test; a test that reaches it has failed.
    const WATCHDOG: Duration = Duration::from_secs(60);

    /// Traces a process until it is dead, says so, and lets it go a little later; `false` where that is not permitted.
    fn trace(pid: u32, mut line: Fd<UnixStream>) -> bool {
        let pid = pid as libc::pid_t;
        let nothing = std::ptr::null_mut::<libc::c_void>();
        // SAFETY: seizing takes no memory of ours.
        let seized = unsafe { libc::ptrace(libc::PTRACE_SEIZE, pid, nothing, nothing) } == 0;
        line.write_all(&[u8::from(seized)]).unwrap();
        if seized {
            let mut info = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
            let dead = libc::WEXITED | libc::WNOWAIT;
            // SAFETY: the call fills `info`, which is not read.
            unsafe { libc::waitid(libc::P_PID, pid as libc::id_t, info.as_mut_ptr(), dead) };
            // Nothing depends on it: it keeps the moment open that the test is about.
            std::thread::sleep(Duration::from_millis(50));
            // SAFETY: no status is asked for.
            unsafe { libc::waitpid(pid, std::ptr::null_mut(), libc::__WALL) };
        }
        seized
    }

    #[test]
    fn a_traced_child_that_is_ready_has_a_status() {
        let child = Process::new(std::thread::park, ()).start().unwrap();
        let (mut line, theirs) = UnixStream::pair().unwrap();
        let tracer = Process::new(trace, (child.pid(), Fd::from(theirs)))
            .start()
            .unwrap();
        line.read_exact(&mut [0]).unwrap();
        child.kill().unwrap();
        wait_any(&[&child], WATCHDOG).unwrap();
        assert_eq!(child.status(), Status::Signaled(Signal::KILL));
        tracer.join().unwrap();
    }
}
