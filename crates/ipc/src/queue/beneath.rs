//! What the protocols of a queue stand on: words, memory that grows, the kernel's sleep on a word, and its locks on bytes.
//!
//! Invariant: the files of the protocols (`ring.rs` and below, `sleepers.rs`, `leases.rs`) take these from here and from nowhere else; so
//! `tests/model` compiles them as they are, with a model in the place of this file.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use nix::fcntl::{FcntlArg, fcntl};
use rustix::thread::futex::{self, Flags, Timespec};

pub(super) use std::sync::atomic::{AtomicU32, fence};

pub(super) use core_process::shm::{GrowingSegment, View};

/// Sleeps while `word` is `expected`, at most so long. Woken, changed before, interrupted, timed out: for the caller all are "look
/// again".
pub(super) fn sleep_while(word: &AtomicU32, expected: u32, longest: Duration) {
    let timeout = Timespec {
        tv_sec: longest.as_secs().cast_signed(),
        tv_nsec: longest.subsec_nanos().into(),
    };
    sync::passage::sleeps();
    let _ = futex::wait(word, Flags::empty(), expected, Some(&timeout));
}

/// Wakes at most so many of those that sleep on the word, and says how many.
pub(super) fn wake(word: &AtomicU32, count: i32) -> usize {
    futex::wake(word, Flags::empty(), count.cast_unsigned()).unwrap_or(0)
}

/// Between what was done under a lock that was left, and what follows.
#[inline]
pub(super) fn fence_after_a_release() {
    use std::sync::atomic::Ordering::SeqCst;
    // There the C library releases a robust mutex by an atomic exchange, and every such instruction is a full fence: what was
    // stored before is seen by all before what follows is read. So the compiler alone has to keep the order.
    #[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
    std::sync::atomic::compiler_fence(SeqCst);
    #[cfg(not(all(target_arch = "x86_64", target_env = "gnu")))]
    fence(SeqCst);
}

/// Locks on single bytes of a file, which the kernel keeps for one open file description and takes away with its last copy: with the
/// process, however it ends.
#[derive(Debug)]
pub(super) struct ByteLocks {
    file: File,
}

impl ByteLocks {
    /// By a description of its own.
    pub(super) fn open(memory: &GrowingSegment) -> io::Result<Self> {
        let path = format!("/proc/self/fd/{}", memory.as_fd().as_raw_fd());
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(Self { file })
    }

    /// Whether it could be locked: nobody else has it.
    pub(super) fn lock(&self, number: u64) -> io::Result<bool> {
        match fcntl(&self.file, FcntlArg::F_OFD_SETLK(&byte(number, libc::F_WRLCK)?)) {
            Ok(_) => Ok(true),
            Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EACCES) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// It can only fail for want of kernel memory; then the byte is locked until this process ends.
    pub(super) fn unlock(&self, number: u64) {
        if let Ok(byte) = byte(number, libc::F_UNLCK) {
            let _ = fcntl(&self.file, FcntlArg::F_OFD_SETLK(&byte));
        }
    }

    /// Whether nobody else has it.
    pub(super) fn is_free(&self, number: u64) -> io::Result<bool> {
        is_free(&self.file, number)
    }
}

/// Whether nobody has locked the byte by a description of its own.
pub(super) fn is_byte_free(memory: &GrowingSegment, number: u64) -> io::Result<bool> {
    is_free(memory, number)
}

fn is_free(file: impl AsFd, number: u64) -> io::Result<bool> {
    let mut asked = byte(number, libc::F_WRLCK)?;
    fcntl(file, FcntlArg::F_OFD_GETLK(&mut asked))?;
    Ok(i32::from(asked.l_type) == libc::F_UNLCK)
}

fn byte(number: u64, kind: i32) -> io::Result<libc::flock> {
    Ok(libc::flock {
        l_type: i16::try_from(kind).map_err(io::Error::other)?,
        l_whence: 0,
        // The largest number of a byte is never reached: a thousand million records a second take three centuries.
        l_start: i64::try_from(number).map_err(io::Error::other)?,
        l_len: 1,
        l_pid: 0,
    })
}
