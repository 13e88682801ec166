//! `Parcel`: bytes that are written once and handed on, as many as there is memory for.
//!
//! Invariant: once made, neither its length nor its bytes can change, whoever has it; so a receiver may look at it once and
//! believe what it saw. A descriptor of somebody else is checked for that before a byte is read.
//! This file does not know what the bytes mean.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::segment::refuse_above_available_memory;
use crate::sys::fd::above_standard;
use crate::sys::memfd;

/// Bytes in a memory file that nobody can change: how a message travels that is too large for a packet.
///
/// It costs a descriptor, and no mapping. The memory goes with the last descriptor of it.
///
/// ```
/// use core_process::shm::Parcel;
///
/// let parcel = Parcel::pack("letter", b"much to say")?;
/// let descriptor = parcel.into_descriptor(); // travels beside a message
/// assert_eq!(Parcel::open(descriptor, 11)?.into_bytes()?, b"much to say");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Parcel {
    file: OwnedFd,
    len: usize,
}

impl Parcel {
    /// Packs a copy of `bytes`. `name` is for the reader of `/proc/<pid>/fd`.
    ///
    /// # Errors
    /// - `ENOSPC`, `ENOMEM`: there is not so much memory.
    /// - `EFBIG`: `bytes` are more than `RLIMIT_FSIZE`, which counts for memory too.
    /// - `EMFILE`, `ENFILE`: no descriptor is free.
    pub fn pack(name: &str, bytes: &[u8]) -> io::Result<Self> {
        refuse_above_available_memory(bytes.len() as u64)?;
        Ok(Self {
            file: memfd::create_written(name, bytes)?,
            len: bytes.len(),
        })
    }

    /// Takes a descriptor that came with a message for a parcel of `expected_len` bytes.
    ///
    /// # Errors
    /// `InvalidData`: it is none. Its length or its bytes can change, or it is one of another length, or it only claims to
    /// have so many bytes and has no memory for them.
    pub fn open(descriptor: OwnedFd, expected_len: u64) -> io::Result<Self> {
        let facts = memfd::facts(descriptor.as_fd())?;
        if !facts.all_is_fixed {
            return Err(not_a_parcel("it is not sealed"));
        }
        if !facts.has_plain_pages {
            return Err(not_a_parcel("it is made of huge pages"));
        }
        if facts.length != expected_len {
            let why = format!("it has {} bytes where {expected_len} are expected", facts.length);
            return Err(not_a_parcel(&why));
        }
        if facts.reserved < facts.length {
            return Err(not_a_parcel("it has no memory for its bytes"));
        }
        let len = usize::try_from(facts.length).map_err(|_| not_a_parcel("it is too large"))?;
        Ok(Self {
            file: above_standard(descriptor)?,
            len,
        })
    }

    /// Its size in bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Copies its bytes to `to`, which has its length.
    ///
    /// # Errors
    /// `InvalidInput`: `to` has another length. `ENOMEM`: the kernel has no memory to read it.
    pub fn copy_to(&self, to: &mut [u8]) -> io::Result<()> {
        if to.len() != self.len {
            let why = format!("{} bytes of room for a parcel of {}", to.len(), self.len);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        memfd::read_exact(self.file.as_fd(), to)
    }

    /// Its bytes, copied.
    ///
    /// # Errors
    /// `OutOfMemory`: this process cannot have so much memory; the others as [`copy_to`](Self::copy_to).
    pub fn into_bytes(self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        bytes
            .try_reserve_exact(self.len)
            .map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        bytes.resize(self.len, 0);
        self.copy_to(&mut bytes)?;
        Ok(bytes)
    }

    /// The descriptor, to be sent.
    pub fn into_descriptor(self) -> OwnedFd {
        self.file
    }
}

impl AsFd for Parcel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

fn not_a_parcel(why: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("the descriptor is not the expected parcel of bytes: {why}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
    use std::fs::File;

    fn sealed(len: u64, seals: SealFlags) -> OwnedFd {
        let file = memfd_create("parcel-test", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
        ftruncate(&file, len).unwrap();
        fcntl_add_seals(&file, seals).unwrap();
        file
    }

    const ALL: SealFlags = SealFlags::SHRINK.union(SealFlags::GROW).union(SealFlags::WRITE);

    #[test]
    fn bytes_come_back_as_they_were_and_nobody_can_change_them() {
        for bytes in [vec![], vec![7], vec![1; 4096], vec![2; 1 << 20]] {
            let parcel = Parcel::pack("parcel-test", &bytes).unwrap();
            rustix::io::pwrite(&parcel, b"x", 0).unwrap_err();
            ftruncate(&parcel, 3).unwrap_err();
            let opened = Parcel::open(parcel.into_descriptor(), bytes.len() as u64).unwrap();
            assert_eq!((opened.len(), opened.is_empty()), (bytes.len(), bytes.is_empty()));
            assert!(opened.copy_to(&mut vec![0; bytes.len() + 1]).is_err());
            assert_eq!(opened.into_bytes().unwrap(), bytes);
        }
    }

    #[test]
    fn what_can_change_or_only_claims_its_bytes_is_none() {
        for (missing, why) in [
            (SealFlags::SHRINK, "not sealed"),
            (SealFlags::GROW, "not sealed"),
            (SealFlags::WRITE, "not sealed"),
        ] {
            let error = Parcel::open(sealed(8, ALL.difference(missing)), 8).unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
        }
        let error = Parcel::open(sealed(8, ALL), 9).unwrap_err();
        assert!(error.to_string().contains("8 bytes where 9"), "{error}");
        // 2^62 bytes, of which none has any memory.
        let error = Parcel::open(sealed(1 << 62, ALL), 1 << 62).unwrap_err();
        assert!(error.to_string().contains("no memory"), "{error}");
        let null = OwnedFd::from(File::open("/dev/null").unwrap());
        let error = Parcel::open(null, 0).unwrap_err();
        assert!(error.to_string().contains("not sealed"), "{error}");
    }
}
