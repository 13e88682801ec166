//! The system calls of the warden for which nix has no call that fits: ptrace and wait with real-time signals (nix
//! loses such a report, having taken it from the kernel), and single questions.
//!
//! Knows numbers, nothing of the cage.
#![allow(
    unsafe_code,
    reason = "ptrace, waitpid and fork have no safe call that keeps real-time signals"
)]

use std::io;

/// What `waitpid` reports of a child or tracee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// It ended with this code.
    Exited(i32),
    /// It ended by this signal.
    Signaled(i32),
    /// It stopped at a ptrace event (`PTRACE_EVENT_*`); the signal tells group stops apart.
    Event { event: i32, signal: i32 },
    /// It stopped at the entry or exit of a system call.
    Syscall,
    /// It stopped before the delivery of this signal.
    Signal(i32),
    /// It was continued.
    Continued,
}

/// How a stopped tracee goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resume {
    /// Until the next event.
    Free,
    /// Until the next system call.
    ToSyscall,
    /// Stays in its group stop, and reports the end of it.
    Listen,
}

/// Which side of a fork this is.
pub(crate) enum Fork {
    Child,
    Parent(i32),
}

const OPTIONS: libc::c_int = libc::PTRACE_O_TRACEFORK
    | libc::PTRACE_O_TRACEVFORK
    | libc::PTRACE_O_TRACECLONE
    | libc::PTRACE_O_TRACEEXEC
    | libc::PTRACE_O_TRACEEXIT
    | libc::PTRACE_O_TRACESYSGOOD
    | libc::PTRACE_O_EXITKILL;

/// Meaning of a status word of `waitpid`.
pub(crate) fn decode(status: i32) -> Report {
    if libc::WIFEXITED(status) {
        return Report::Exited(libc::WEXITSTATUS(status));
    }
    if libc::WIFSIGNALED(status) {
        return Report::Signaled(libc::WTERMSIG(status));
    }
    if libc::WIFCONTINUED(status) {
        return Report::Continued;
    }
    let signal = libc::WSTOPSIG(status);
    match status >> 16 {
        0 if signal == libc::SIGTRAP | 0x80 => Report::Syscall,
        0 => Report::Signal(signal),
        event => Report::Event { event, signal },
    }
}

/// The next report of any child or tracee, without waiting. `Ok(None)`: there is none now.
///
/// # Errors
/// `ECHILD` when there is neither a child nor a tracee.
pub(crate) fn next_report() -> io::Result<Option<(i32, Report)>> {
    let mut status = 0;
    // SAFETY: `status` is a live integer that the call may write.
    match unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG | libc::__WALL) } {
        0 => Ok(None),
        -1 => Err(io::Error::last_os_error()),
        pid => Ok(Some((pid, decode(status)))),
    }
}

/// Waits for the end of one child that is not traced.
pub(crate) fn reap(pid: i32) -> io::Result<Report> {
    let mut status = 0;
    loop {
        // SAFETY: `status` is a live integer that the call may write.
        if unsafe { libc::waitpid(pid, &raw mut status, libc::__WALL) } >= 0 {
            return Ok(decode(status));
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// Forks. The child may call only what is safe after a fork of a process with threads.
pub(crate) fn fork() -> io::Result<Fork> {
    // SAFETY: the callers' children go straight to `exec` or `_exit` through system calls alone.
    match unsafe { libc::fork() } {
        0 => Ok(Fork::Child),
        -1 => Err(io::Error::last_os_error()),
        pid => Ok(Fork::Parent(pid)),
    }
}

/// Ends this process at once, without destructors or hooks.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: `_exit` has no preconditions.
    unsafe { libc::_exit(code) }
}

/// Sends a signal to a process of which the caller is the parent or the tracer, or that it has otherwise pinned.
pub(crate) fn kill(pid: i32, signal: i32) -> io::Result<()> {
    assert!(pid > 1, "a signal to process {pid} would reach others");
    // SAFETY: `kill` has no memory arguments.
    check(i64::from(unsafe { libc::kill(pid, signal) })).map(drop)
}

/// Attaches to a process without stopping it. Its future children and threads are attached from birth, and all are
/// killed when this process ends.
pub(crate) fn seize(pid: i32) -> io::Result<()> {
    // SAFETY: PTRACE_SEIZE takes no address, and the options as data.
    check(unsafe { libc::ptrace(libc::PTRACE_SEIZE, pid, 0usize, OPTIONS as usize) }).map(drop)
}

/// Lets a stopped tracee go on, delivering `signal` if it is not 0.
pub(crate) fn resume(tid: i32, how: Resume, signal: i32) -> io::Result<()> {
    let request = match how {
        Resume::Free => libc::PTRACE_CONT,
        Resume::ToSyscall => libc::PTRACE_SYSCALL,
        Resume::Listen => libc::PTRACE_LISTEN,
    };
    // SAFETY: these requests take no address, and a signal's number as data.
    check(unsafe { libc::ptrace(request, tid, 0usize, signal as usize) }).map(drop)
}

/// The message of the event at which the tracee is stopped: a new tid, a former tid, or a wait status.
pub(crate) fn event_message(tid: i32) -> io::Result<u64> {
    let mut message: libc::c_ulong = 0;
    // SAFETY: PTRACE_GETEVENTMSG writes one unsigned long to the address in data, and `message` is one.
    check(unsafe { libc::ptrace(libc::PTRACE_GETEVENTMSG, tid, 0usize, &raw mut message) })?;
    Ok(message)
}

/// The arguments of a blocking exec: pointers to strings that outlive the call, ended by null.
pub(crate) struct Image<'a> {
    pub(crate) path: &'a std::ffi::CStr,
    pub(crate) argv: &'a [*const libc::c_char],
    pub(crate) envp: &'a [*const libc::c_char],
}

/// Replaces this process by the image; returns only if that fails.
pub(crate) fn exec(image: &Image<'_>) -> io::Error {
    assert!(image.argv.last().is_some_and(|p| p.is_null()) && image.envp.last().is_some_and(|p| p.is_null()));
    // SAFETY: the path is a C string, and both arrays end with null (asserted) and point to C strings (see `launch`).
    unsafe { libc::execve(image.path.as_ptr(), image.argv.as_ptr(), image.envp.as_ptr()) };
    io::Error::last_os_error()
}

/// Sets every signal to its default action and blocks none, as a fresh program expects.
pub(crate) fn reset_signals() {
    for signal in 1..=64 {
        // SAFETY: setting a default action touches no memory; a number that cannot be set gives an error.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    let mut none = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `sigemptyset` initialises the set that it is given.
    unsafe { libc::sigemptyset(none.as_mut_ptr()) };
    // SAFETY: `none` was initialised above, and the old mask is not asked for.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), std::ptr::null_mut()) };
}

/// Marks every descriptor from `first` up close-on-exec.
pub(crate) fn close_on_exec_from(first: i32) -> io::Result<()> {
    const CLOSE_RANGE_CLOEXEC: libc::c_uint = 4;
    // SAFETY: close_range takes numbers alone; with this flag it closes nothing now.
    check(unsafe {
        libc::syscall(
            libc::SYS_close_range,
            first,
            libc::c_uint::MAX,
            CLOSE_RANGE_CLOEXEC,
        )
    })
    .map(drop)
}

/// Gives up every capability of this process.
pub(crate) fn drop_capabilities() -> io::Result<()> {
    const VERSION_3: u32 = 0x2008_0522;
    let header = [VERSION_3, 0];
    // Effective, permitted and inheritable, twice 32 bits of each.
    let none = [0u32; 6];
    // SAFETY: the kernel reads a header of two words and, in this version, six words of sets; both live.
    check(unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), none.as_ptr()) }).map(drop)
}

/// Lets this process run before all ordinary ones, and its future children not; has no effect where that is forbidden.
pub(crate) fn run_first() {
    let first = libc::sched_param { sched_priority: 1 };
    // SAFETY: `first` is a live parameter block, and 0 means this process.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_RR | libc::SCHED_RESET_ON_FORK, &raw const first) };
}

/// Undoes [`run_first`].
pub(crate) fn run_as_others() {
    let ordinary = libc::sched_param { sched_priority: 0 };
    // SAFETY: `ordinary` is a live parameter block, and 0 means this process.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_OTHER, &raw const ordinary) };
}

/// Lets a descriptor survive exec.
pub(crate) fn keep_on_exec(fd: i32) -> io::Result<()> {
    // SAFETY: F_SETFD takes a number; a descriptor that is not open gives an error.
    check(i64::from(unsafe { libc::fcntl(fd, libc::F_SETFD, 0) })).map(drop)
}

/// Closes a descriptor of a fresh child. Its copy in the parent is not touched.
pub(crate) fn close(fd: i32) {
    // SAFETY: the caller is a fresh child that runs no destructor of the value that owns this number.
    unsafe { libc::close(fd) };
}

/// Fills the buffer, or fails with `UnexpectedEof`.
pub(crate) fn read_exactly(fd: i32, buffer: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    while filled < buffer.len() {
        let rest = &mut buffer[filled..];
        // SAFETY: the pointer and the length are those of a live slice that the call may write.
        match unsafe { libc::read(fd, rest.as_mut_ptr().cast(), rest.len()) } {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            -1 => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
            count => filled += count as usize,
        }
    }
    Ok(())
}

/// Puts `from` at the number `to`, closing what was there.
pub(crate) fn place(from: i32, to: i32) -> io::Result<()> {
    // SAFETY: dup2 takes numbers; the caller is a fresh child that owns its descriptor table.
    check(i64::from(unsafe { libc::dup2(from, to) })).map(drop)
}

/// The first argument of the `prctl` that marks a named point. No kernel knows it.
pub(crate) const MARK: u64 = 0x4752_4144;

/// Makes the system call that marks a named point for the tracer.
pub(crate) fn mark(name: &str) {
    // SAFETY: the kernel refuses the unknown option and reads no argument; the tracer reads the live string.
    unsafe { libc::syscall(libc::SYS_prctl, MARK, name.as_ptr(), name.len(), 0, 0) };
}

fn check(result: i64) -> io::Result<i64> {
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use super::{Report, decode};

    #[test]
    fn status_words_decode() {
        assert_eq!(decode(0x0300), Report::Exited(3));
        assert_eq!(decode(0x0009), Report::Signaled(9));
        assert_eq!(decode(0x0080 | 6), Report::Signaled(6), "with a core");
        assert_eq!(decode(0x137f), Report::Signal(19));
        assert_eq!(decode(0x857f), Report::Syscall);
        assert_eq!(decode(0x6057f), Report::Event { event: 6, signal: 5 });
        assert_eq!(
            decode(0x80137f),
            Report::Event {
                event: 128,
                signal: 19
            }
        );
        assert_eq!(decode(0x227f), Report::Signal(34), "a real-time signal is kept");
        assert_eq!(decode(0xffff), Report::Continued);
    }
}
