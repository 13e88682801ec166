//! Anonymous shared memory that never shrinks.
//!
//! Invariant: the file is sealed against shrinking before anybody else has it, so what was mapped of it once is there for ever.
//! This file knows nothing of what is stored.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{FallocateFlags, MemfdFlags, SealFlags};

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

/// What nobody can change any more once all are set: the length and the bytes.
const ALL_IS_FIXED: SealFlags = LENGTH_IS_FIXED.union(SealFlags::WRITE);

/// A new file of these bytes, which nobody can change any more, the caller included.
pub(crate) fn create_written(name: &str, bytes: &[u8]) -> io::Result<OwnedFd> {
    let file = empty(name)?;
    refuse_above_file_limit(bytes.len())?;
    let mut rest = bytes;
    while !rest.is_empty() {
        match rustix::io::write(&file, rest) {
            Ok(0) => return Err(rustix::io::Errno::NOSPC.into()),
            Ok(written) => rest = &rest[written..],
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    rustix::fs::fcntl_add_seals(&file, ALL_IS_FIXED | SealFlags::SEAL)?;
    Ok(file)
}

/// Copies the first bytes of `file` into `to`; `UnexpectedEof` where it has not so many.
pub(crate) fn read_exact(file: BorrowedFd<'_>, to: &mut [u8]) -> io::Result<()> {
    let mut done = 0;
    while done < to.len() {
        match rustix::io::pread(file, &mut to[done..], done as u64) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => done += read,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Where memfds live, by the kernel's number; those of huge pages live in another file system.
const TMPFS: rustix::fs::FsWord = 0x0102_1994;

/// What the kernel knows of a file that somebody else has made.
pub(crate) struct Facts {
    pub(crate) length_is_fixed: bool,
    /// Its pages are ordinary ones. Huge pages (a memfd can have them, too) are counted and mapped in other units, and are not there for
    /// certain when they are touched.
    pub(crate) has_plain_pages: bool,
    /// The length, and the bytes too.
    pub(crate) all_is_fixed: bool,
    pub(crate) length: u64,
    /// So many bytes have their memory already.
    pub(crate) reserved: u64,
}

/// The facts of `file`; any descriptor will do.
pub(crate) fn facts(file: BorrowedFd<'_>) -> io::Result<Facts> {
    // The seals come first: a length that is read before them may change again.
    let seals = rustix::fs::fcntl_get_seals(file).unwrap_or(SealFlags::empty());
    let status = rustix::fs::fstat(file)?;
    let system = rustix::fs::fstatfs(file)?;
    Ok(Facts {
        has_plain_pages: system.f_type == TMPFS,
        length_is_fixed: seals.contains(LENGTH_IS_FIXED),
        all_is_fixed: seals.contains(ALL_IS_FIXED),
        length: u64::try_from(status.st_size).unwrap_or(0),
        reserved: u64::try_from(status.st_blocks).unwrap_or(0).saturating_mul(512),
    })
}

/// Makes the file at least `length` bytes long, reserved.
pub(crate) fn grow(file: BorrowedFd<'_>, length: usize) -> io::Result<()> {
    refuse_above_file_limit(length)?;
    loop {
        match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, length as u64) {
            Err(rustix::io::Errno::INTR) => continue,
            other => return Ok(other?),
        }
    }
}

/// The limit counts for memory files too, and the kernel answers with a signal (SIGXFSZ) that ends the process.
fn refuse_above_file_limit(length: usize) -> io::Result<()> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Fsize).current;
    if limit.is_some_and(|limit| length as u64 > limit) {
        return Err(rustix::io::Errno::FBIG.into());
    }
    Ok(())
}

/// Whether the descriptor is a file of ours: a memfd that cannot shrink.
pub(crate) fn is_sealed(file: BorrowedFd<'_>) -> bool {
    rustix::fs::fcntl_get_seals(file).is_ok_and(|seals| seals.contains(SealFlags::SHRINK))
}

pub(crate) fn length(file: BorrowedFd<'_>) -> io::Result<usize> {
    Ok(rustix::fs::fstat(file)?.st_size as usize)
}
