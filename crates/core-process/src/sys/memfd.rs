//! Anonymous shared memory that may grow and never shrinks, and a mapping of it that outlives its descriptor.
//!
//! Invariant: the file is sealed against shrinking before anybody else has it, so a page that was once mapped and
//! populated can never be taken away (no SIGBUS). This file knows nothing of what is stored.
#![allow(unsafe_code, reason = "maps memory")]

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;

use rustix::fs::{FallocateFlags, MemfdFlags, SealFlags};
use rustix::mm::{Advice, MapFlags, MremapFlags, ProtFlags};

/// What nobody can change any more once both are set: the length.
const LENGTH_IS_FIXED: SealFlags = SealFlags::SHRINK.union(SealFlags::GROW);

/// A new file of `length` reserved, zeroed bytes. `ENOSPC` and `ENOMEM` come now, not as a signal later.
pub(crate) fn create(name: &str, length: usize) -> io::Result<OwnedFd> {
    let file = empty(name)?;
    grow(file.as_fd(), length)?;
    rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK)?;
    Ok(file)
}

/// As [`create`], and it cannot grow either, nor be sealed in another way.
pub(crate) fn create_fixed(name: &str, length: usize) -> io::Result<OwnedFd> {
    let file = empty(name)?;
    grow(file.as_fd(), length)?;
    rustix::fs::fcntl_add_seals(&file, LENGTH_IS_FIXED | SealFlags::SEAL)?;
    Ok(file)
}

fn empty(name: &str) -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Memory that cannot be executed is what a hardened system (vm.memfd_noexec) allows; Linux knows it since 6.3.
    let file = match rustix::fs::memfd_create(name, flags | MemfdFlags::NOEXEC_SEAL) {
        Err(rustix::io::Errno::INVAL) => rustix::fs::memfd_create(name, flags),
        other => other,
    };
    super::fd::above_standard(file?)
}

/// What the kernel knows of a file that somebody else has made.
pub(crate) struct Facts {
    pub(crate) length_is_fixed: bool,
    pub(crate) length: u64,
    /// So many bytes have their memory already.
    pub(crate) reserved: u64,
}

/// The facts of `file`; any descriptor will do.
pub(crate) fn facts(file: BorrowedFd<'_>) -> io::Result<Facts> {
    // The seals come first: a length that is read before them may change again.
    let seals = rustix::fs::fcntl_get_seals(file).unwrap_or(SealFlags::empty());
    let status = rustix::fs::fstat(file)?;
    Ok(Facts {
        length_is_fixed: seals.contains(LENGTH_IS_FIXED),
        length: u64::try_from(status.st_size).unwrap_or(0),
        reserved: u64::try_from(status.st_blocks).unwrap_or(0).saturating_mul(512),
    })
}

/// Makes the file at least `length` bytes long, reserved.
pub(crate) fn grow(file: BorrowedFd<'_>, length: usize) -> io::Result<()> {
    // The limit counts for memory files too, and the kernel answers with a signal (SIGXFSZ) that ends the process.
    let limit = rustix::process::getrlimit(rustix::process::Resource::Fsize).current;
    if limit.is_some_and(|limit| length as u64 > limit) {
        return Err(rustix::io::Errno::FBIG.into());
    }
    loop {
        match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, length as u64) {
            Err(rustix::io::Errno::INTR) => continue,
            other => return Ok(other?),
        }
    }
}

/// Whether the descriptor is a file of ours: a memfd that cannot shrink.
pub(crate) fn is_sealed(file: BorrowedFd<'_>) -> bool {
    rustix::fs::fcntl_get_seals(file).is_ok_and(|seals| seals.contains(SealFlags::SHRINK))
}

pub(crate) fn length(file: BorrowedFd<'_>) -> io::Result<usize> {
    Ok(rustix::fs::fstat(file)?.st_size as usize)
}

/// A shared mapping of a file from its beginning.
#[derive(Debug)]
pub(crate) struct Mapping {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: a mapping is memory of the process, not of a thread; what is in it is reached through atomics or by copying.
unsafe impl Send for Mapping {}
// SAFETY: as above; `&Mapping` gives out addresses only.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps the first `length` bytes, which must exist.
    pub(crate) fn new(file: BorrowedFd<'_>, length: usize) -> io::Result<Self> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: the kernel chooses a free address, so no memory of ours is replaced.
        let start = unsafe {
            rustix::mm::mmap(
                std::ptr::null_mut(),
                length,
                protection,
                MapFlags::SHARED,
                file,
                0,
            )
        }?;
        let start = NonNull::new(start.cast()).ok_or_else(|| io::Error::from_raw_os_error(libc::ENOMEM))?;
        Ok(Self { start, length })
    }

    pub(crate) fn as_ptr(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    /// Maps `length` bytes instead, needing no descriptor. Fails where the file has not that many.
    pub(crate) fn extend(&mut self, length: usize) -> io::Result<()> {
        if length > self.length {
            // SAFETY: the old range is this mapping, and `&mut self` shows that nobody holds an address in it.
            let start = unsafe {
                rustix::mm::mremap(self.as_ptr().cast(), self.length, length, MremapFlags::MAYMOVE)
            }?;
            self.start =
                NonNull::new(start.cast()).ok_or_else(|| io::Error::from_raw_os_error(libc::ENOMEM))?;
            self.length = length;
            // SAFETY: populating for reading changes nothing in the pages; where the file ends before `length`, this
            // fails with EFAULT, where touching the page would kill this process by SIGBUS.
            unsafe { rustix::mm::madvise(self.as_ptr().cast(), self.length, Advice::LinuxPopulateRead) }?;
        }
        Ok(())
    }

    /// The bytes from `offset`; the caller knows that nobody writes to them any more.
    pub(crate) fn bytes(&self, offset: usize, length: usize) -> Option<&[u8]> {
        if offset.checked_add(length)? > self.length {
            return None;
        }
        // SAFETY: the range was just found to lie in the mapping.
        let start = unsafe { self.as_ptr().add(offset) };
        // SAFETY: mapped memory of this length, which lives as long as `&self`.
        Some(unsafe { std::slice::from_raw_parts(start, length) })
    }

    /// Copies `bytes` to `offset`. Fails where they do not fit.
    pub(crate) fn write(&self, offset: usize, bytes: &[u8]) -> io::Result<()> {
        if offset
            .checked_add(bytes.len())
            .is_none_or(|end| end > self.length)
        {
            return Err(io::Error::from_raw_os_error(libc::ENOSPC));
        }
        // SAFETY: the range was just found to lie in the mapping.
        let start = unsafe { self.as_ptr().add(offset) };
        // SAFETY: `bytes` is memory of ours and cannot overlap a mapping to which no reference is given out.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), start, bytes.len()) };
        Ok(())
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range is this mapping, and no reference into it outlives `self`.
        let _ = unsafe { rustix::mm::munmap(self.as_ptr().cast(), self.length) };
    }
}
