//! A range of a file that one holder at a time has, by the kernel's word: a lock of an *open file description*.
//!
//! Invariant: a range is held by one description at most, and the kernel frees it when the last descriptor of the description goes,
//! however that happens. The file is opened anew for each hold, so a descriptor of the same file in another place is another holder.
//! This file does not know what lies in the range.
#![allow(unsafe_code, reason = "fcntl's locks")]

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd};

/// A held range of a file.
#[derive(Debug)]
pub(crate) struct Hold {
    description: File,
}

impl Hold {
    /// Holds `range`, if nobody has any of it. It is a range of numbers: they need not be offsets of bytes that the file has.
    pub(crate) fn take(file: impl AsFd, range: &Range<usize>) -> io::Result<Option<Self>> {
        let description = described_anew(file)?;
        match set(&description, range, libc::F_WRLCK) {
            Ok(()) => Ok(Some(Self { description })),
            Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sleeps until nobody has any of `range`, or a signal comes; it may be another's again when this returns. The kernel wakes also if the
    /// holder dies, so no wake-up is lost.
    pub(crate) fn await_free(file: impl AsFd, range: &Range<usize>) -> io::Result<()> {
        let description = described_anew(file)?;
        match call(&description, libc::F_OFD_SETLKW, range, libc::F_WRLCK) {
            // With the description goes what was taken.
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Frees what it holds, also if a forked child has a copy of the descriptor.
    pub(crate) fn release(self) {
        // It does not fail; and closing the descriptor frees it, too.
        let freed = set(&self.description, &(0..usize::MAX), libc::F_UNLCK);
        debug_assert!(freed.is_ok(), "{freed:?}");
    }
}

/// The same file by a description of its own; a duplicate would share the other one's locks.
fn described_anew(file: impl AsFd) -> io::Result<File> {
    let path = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    File::options().read(true).write(true).open(path)
}

fn set(file: &File, range: &Range<usize>, kind: libc::c_int) -> io::Result<()> {
    call(file, libc::F_OFD_SETLK, range, kind)
}

fn call(file: &File, command: libc::c_int, range: &Range<usize>, kind: libc::c_int) -> io::Result<()> {
    let number = |at: usize| i64::try_from(at).unwrap_or(i64::MAX);
    let lock = libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: number(range.start),
        // 0 would be all the rest.
        l_len: number(range.len().max(1)),
        l_pid: 0,
    };
    // SAFETY: the descriptor is open, and the kernel reads a `flock` of this frame.
    match unsafe { libc::fcntl(file.as_raw_fd(), command, &raw const lock) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core_process::shm::Segment;

    #[test]
    fn a_range_has_one_holder_also_in_one_process() {
        let file = Segment::create("range", 8).unwrap();
        let first = Hold::take(&file, &(0..10)).unwrap().unwrap();
        assert!(Hold::take(&file, &(9..20)).unwrap().is_none());
        let second = Hold::take(&file, &(10..20)).unwrap().unwrap();
        first.release();
        assert!(Hold::take(&file, &(0..11)).unwrap().is_none());
        drop(second);
        assert!(Hold::take(&file, &(0..usize::MAX)).unwrap().is_some());
    }
}
