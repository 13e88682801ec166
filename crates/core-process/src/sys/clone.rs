//! A child that shares our memory until it has executed a program: what `posix_spawn` does, with the pidfd made by
//! the same system call and the failing step known.
//!
//! Invariant: between `clone` and `execve` the child makes system calls only. It takes no lock, allocates nothing and
//! cannot be interrupted by a handler, since every signal is blocked before the clone and every disposition is reset
//! before the mask is lifted. glibc's `posix_spawn` gives no pidfd before glibc 2.39, and a pid that is opened later may be
//! another's where `SIGCHLD` is ignored.
#![allow(unsafe_code, reason = "clone, and the child's side of it")]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::ptr;

/// The first descriptor that a child is given beyond its standard streams.
pub(crate) const FIRST_DESCRIPTOR: RawFd = 3;

/// The child's side needs a few frames only.
const STACK_SIZE: usize = 64 * 1024;

/// What the new program is started with. Pointers, because the child may not allocate.
pub(crate) struct Program<'a> {
    pub(crate) path: &'a CStr,
    /// Null-terminated, as `execve` wants it.
    pub(crate) argv: &'a [*const c_char],
    /// Null-terminated, as `execve` wants it.
    pub(crate) envp: &'a [*const c_char],
    pub(crate) current_dir: Option<&'a CStr>,
    /// For each standard stream the descriptor to use, or `None` to leave it as it is.
    pub(crate) stdio: [Option<RawFd>; 3],
    /// Placed at `FIRST_DESCRIPTOR` and up, in this order; all else is closed.
    pub(crate) descriptors: &'a [RawFd],
}

/// Where a start failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Clone,
    Descriptors,
    CurrentDir,
    Execute,
}

struct Launch<'a> {
    program: &'a Program<'a>,
    descriptors: &'a mut [RawFd],
    failed: Option<(Step, c_int)>,
}

/// Starts `program`; returns its pid and pidfd once it has executed.
pub(crate) fn vfork_exec(program: &Program<'_>) -> Result<(u32, OwnedFd), (Step, io::Error)> {
    let mut descriptors = program.descriptors.to_vec();
    let mut launch = Launch {
        program,
        descriptors: &mut descriptors,
        failed: None,
    };
    let mut stack: Vec<MaybeUninit<u8>> = Vec::new();
    if stack.try_reserve_exact(STACK_SIZE).is_err() {
        return Err((Step::Clone, io::Error::from_raw_os_error(libc::ENOMEM)));
    }
    let mut pidfd: RawFd = -1;

    let mask = block_signals();
    // SAFETY: one past the end of the allocation, which `clone` wants, since the stack grows down.
    let top = unsafe { stack.as_mut_ptr().add(STACK_SIZE) };
    let top = (top as usize & !15) as *mut c_void;
    // SAFETY: CLONE_VFORK suspends this thread until the child has executed or exited, so the stack, `launch` and
    // `pidfd` outlive the child's use of them; the child's function keeps to the invariant of this file.
    let pid = unsafe {
        libc::clone(
            child,
            top,
            libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD,
            (&raw mut launch).cast::<c_void>(),
            &raw mut pidfd,
        )
    };
    let error = io::Error::last_os_error();
    restore_signals(&mask);

    if pid < 0 {
        return Err((Step::Clone, error));
    }
    // SAFETY: CLONE_PIDFD made this descriptor for us, close-on-exec, and nobody else knows its number.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    if let Some((step, code)) = launch.failed {
        // The child has exited already; it must not stay behind as a zombie.
        let _ = super::pidfd::reap(&pidfd);
        return Err((step, io::Error::from_raw_os_error(code)));
    }
    Ok((pid as u32, pidfd))
}

/// The child's side, on its own stack, in the parent's memory.
extern "C" fn child(launch: *mut c_void) -> c_int {
    // SAFETY: the parent passed a `Launch` and is suspended, so this is the only reference to it.
    let launch = unsafe { &mut *launch.cast::<Launch<'_>>() };
    let step = prepare(launch);
    let code = io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO);
    launch.failed = Some((step, code));
    // SAFETY: ends this process without running the parent's exit handlers.
    unsafe { libc::_exit(127) }
}

/// Makes the child's world and executes the program; returns only the step that failed.
fn prepare(launch: &mut Launch<'_>) -> Step {
    reset_dispositions();
    if place_descriptors(launch.program, launch.descriptors).is_err() {
        return Step::Descriptors;
    }
    if let Some(dir) = launch.program.current_dir {
        // SAFETY: `dir` is a NUL-terminated string that the parent keeps alive.
        if unsafe { libc::chdir(dir.as_ptr()) } != 0 {
            return Step::CurrentDir;
        }
    }
    let mut none = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `none` is a sigset to be filled.
    unsafe { libc::sigemptyset(none.as_mut_ptr()) };
    // SAFETY: `none` was filled by the call before. A raw call, so that glibc's own signals are unblocked too.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            none.as_ptr(),
            ptr::null::<c_void>(),
            8,
        )
    };
    let program = launch.program;
    // SAFETY: path, argv and envp are NUL-terminated strings in null-terminated arrays that the parent keeps alive.
    unsafe {
        libc::execve(
            program.path.as_ptr(),
            program.argv.as_ptr(),
            program.envp.as_ptr(),
        )
    };
    Step::Execute
}

/// Puts each descriptor where the new program expects it and closes the rest.
fn place_descriptors(program: &Program<'_>, descriptors: &mut [RawFd]) -> Result<(), ()> {
    let end = FIRST_DESCRIPTOR + descriptors.len() as RawFd;
    let mut stdio = program.stdio;
    // A source below `end` could be overwritten by another's target: move those out of the way first.
    for source in stdio
        .iter_mut()
        .flatten()
        .chain(descriptors.iter_mut())
        .filter(|source| **source < end)
    {
        // SAFETY: plain system call on a number; a bad one is an error.
        let moved = unsafe { libc::fcntl(*source, libc::F_DUPFD_CLOEXEC, end) };
        if moved < 0 {
            return Err(());
        }
        *source = moved;
    }
    let targets = (0..)
        .zip(stdio)
        .chain((FIRST_DESCRIPTOR..).zip(descriptors.iter().copied().map(Some)));
    for (target, source) in targets.filter_map(|(target, source)| Some((target, source?))) {
        // SAFETY: plain system call on two numbers; `dup2` clears close-on-exec, which is wanted here.
        if unsafe { libc::dup2(source, target) } < 0 {
            return Err(());
        }
    }
    // SAFETY: closes descriptors of this process's own table, which `clone` copied (no CLONE_FILES).
    let closed = unsafe { libc::syscall(libc::SYS_close_range, end as libc::c_uint, libc::c_uint::MAX, 0) };
    if closed == 0 { Ok(()) } else { Err(()) }
}

/// Gives every signal its default action: neither a handler of the parent nor its `SIG_IGN` reaches the program.
fn reset_dispositions() {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    for signal in 1..=64 {
        // SAFETY: an all-zero sigaction is SIG_DFL with no flags; KILL, STOP and glibc's own signals fail, harmlessly.
        unsafe { libc::sigaction(signal, action.as_mut_ptr(), ptr::null_mut()) };
    }
}

/// Blocks every signal of this thread; returns the mask before. A raw call, so that glibc's own signals (a `setuid`
/// in another thread) cannot interrupt the child either.
fn block_signals() -> u64 {
    let all = u64::MAX;
    let mut before = 0_u64;
    // SAFETY: the kernel's sigset is 8 bytes, and both pointers are to 8 bytes.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const all,
            &raw mut before,
            8,
        )
    };
    before
}

fn restore_signals(mask: &u64) {
    // SAFETY: the kernel's sigset is 8 bytes, and `mask` came from the kernel.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            ptr::from_ref(mask),
            ptr::null::<c_void>(),
            8,
        )
    };
}
