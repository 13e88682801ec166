//! Descriptors that a process was born with: adopting them by number, and moving them into the standard streams.
//!
//! Invariant: a number is adopted once, at the beginning of a child, before anything else could own it.
//!
//! What every forked child does goes through [`call`]: the C library's wrappers lie in pages of their own.
#![allow(
    unsafe_code,
    reason = "adopts descriptors by number and edits the environment"
)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use rustix::io::FdFlags;

use super::{call, memfd};

/// What every child of `spawn` has at its first numbers.
pub(crate) struct Inherited {
    /// The start block's file.
    pub(crate) block: OwnedFd,
    /// The way home for descriptors of the result.
    pub(crate) home: Option<OwnedFd>,
}

/// Whether the kernel gave this program more than its starter has (set-user-ID, set-group-ID, file capabilities). What its
/// starter left it, environment and descriptors, is to be believed in nothing then.
pub(crate) fn is_privileged() -> bool {
    // SAFETY: reads a word that the kernel gave this process; `AT_SECURE` is always there.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// If the environment holds `marker` and the descriptor that it names is a sealed memfd: that one and the next. The marker is
/// taken out, so that no program started from here believes it. A privileged program does not believe it either: whoever wrote
/// it could name any code of this program as the target.
pub(crate) fn take_marked(marker: &str, first: RawFd) -> Option<Inherited> {
    let value = std::env::var_os(marker)?;
    // SAFETY: this is the beginning of `main` (or before it): no other thread reads the environment.
    unsafe { std::env::remove_var(marker) };
    if is_privileged() || value.to_str()?.parse() != Ok(first) {
        return None;
    }
    // SAFETY: borrowed for one system call, which fails where the number is not open.
    let candidate = unsafe { BorrowedFd::borrow_raw(first) };
    if !memfd::is_sealed(candidate) {
        return None;
    }
    Some(Inherited {
        block: adopt(first)?,
        home: adopt(first + 1),
    })
}

/// `count` descriptors from `first` on; ends early where one is not open.
pub(crate) fn take_range(first: RawFd, count: u32) -> Vec<OwnedFd> {
    (first..).take(count as usize).map_while(adopt).collect()
}

fn adopt(number: RawFd) -> Option<OwnedFd> {
    // SAFETY: borrowed for one system call, which fails where the number is not open.
    let candidate = unsafe { BorrowedFd::borrow_raw(number) };
    rustix::io::fcntl_setfd(candidate, FdFlags::CLOEXEC).ok()?;
    // SAFETY: the number is open (the call before succeeded), our parent put it there for us alone, and this is called once.
    Some(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Closes a descriptor that a value of a copied memory still holds; that value is never dropped, since the copy never returns to
/// where it lives.
#[inline]
pub(crate) fn close(number: RawFd) {
    // SAFETY: plain system call on a number.
    let _ = unsafe { call::call(libc::SYS_close, [number as usize, 0, 0, 0, 0]) };
}

/// Makes each given descriptor the standard stream of its place.
#[inline]
pub(crate) fn place_streams(streams: [Option<RawFd>; 3]) -> io::Result<()> {
    for (target, source) in (0_i32..).zip(streams) {
        if let Some(source) = source.filter(|source| *source != target) {
            let arguments = [source as usize, target as usize, 0, 0, 0];
            // SAFETY: plain system call on two numbers; sources are above the streams, so none is overwritten first.
            unsafe { call::call(libc::SYS_dup3, arguments) }?;
        }
    }
    Ok(())
}

/// Makes stdin a file that has nothing to read.
pub(crate) fn make_stdin_null() -> io::Result<()> {
    let null = super::fd::above_standard(std::fs::File::open("/dev/null")?.into())?;
    place_streams([Some(null.as_raw_fd()), None, None])
}

/// Makes the environment just this. The caller is a forked child: it has one thread.
pub(crate) fn replace_environment<'a>(
    variables: impl Iterator<Item = (&'a std::ffi::OsStr, &'a std::ffi::OsStr)>,
) {
    // SAFETY: this process has one thread. It cannot fail, having nothing to allocate.
    unsafe { libc::clearenv() };
    for (name, value) in variables {
        // `execve` takes such a name, `setenv` does not: whoever started the program may have made one up.
        if !name.as_encoded_bytes().contains(&b'=') {
            // SAFETY: this process has one thread.
            unsafe { std::env::set_var(name, value) };
        }
    }
}
