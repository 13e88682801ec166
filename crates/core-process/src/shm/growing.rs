//! `GrowingSegment`: memory that becomes larger while processes use it.
//!
//! Its sizes are a first one and that doubled again and again; each is a *step*, and a process maps a step when it first needs it.
//! What was mapped before stays where it is, so nobody has to be asked before the memory grows.
//! Invariant: a step is mapped only if the file has all of it, reserved, and the file is sealed against shrinking; so no access
//! inside a view can end in SIGBUS.
//! This file does not know what lives in the memory.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::segment::refuse_above_available_memory;
use crate::Fd;
use crate::sys::fd::above_standard;
use crate::sys::map::Mapping;
use crate::sys::memfd;

/// No memory is doubled so often.
const STEPS: usize = 40;

/// Shared memory that grows; a value, as [`Segment`](super::Segment) is, and as nameless.
///
/// ```
/// use core_process::shm::GrowingSegment;
///
/// let memory = GrowingSegment::create("log", 64, 4096)?;
/// memory.view(0)?.write_bytes(64, b"first");
/// memory.reserve(3)?; // 64 + 8 x 4096 bytes
/// assert_eq!(memory.view(3)?.len(), 64 + (4096 << 3));
/// let mut bytes = [0; 5];
/// memory.view(3)?.read_bytes(64, &mut bytes);
/// assert_eq!(&bytes, b"first");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct GrowingSegment {
    file: OwnedFd,
    head: usize,
    first: usize,
    views: Box<[OnceLock<View>; STEPS]>,
}

/// The memory as it is at one step. Other processes write to it at any time.
#[derive(Debug)]
pub struct View {
    memory: Mapping,
}

impl GrowingSegment {
    /// Makes one of `head` bytes, which there are once, and `first` bytes, which can be doubled; all zero.
    ///
    /// # Errors
    /// As [`Segment::create`](super::Segment::create).
    pub fn create(name: &str, head: usize, first: usize) -> io::Result<Self> {
        let file = memfd::create(name, length(head, first, 0)?)?;
        let memory = Self::of(file, head, first);
        memory.view(0)?;
        Ok(memory)
    }

    /// Maps one that another process has made with these sizes, at whatever step it is.
    ///
    /// # Errors
    /// `InvalidData`: the descriptor is none, or one that is smaller.
    pub fn open(descriptor: OwnedFd, head: usize, first: usize) -> io::Result<Self> {
        if !memfd::is_sealed(descriptor.as_fd()) {
            return Err(refused("it can shrink"));
        }
        let memory = Self::of(above_standard(descriptor)?, head, first);
        memory.view(0)?;
        Ok(memory)
    }

    fn of(file: OwnedFd, head: usize, first: usize) -> Self {
        Self {
            file,
            head,
            first,
            views: Box::new([const { OnceLock::new() }; STEPS]),
        }
    }

    /// Sees to it that there is memory for a step.
    ///
    /// # Errors
    /// `ENOSPC`, `ENOMEM`, `EFBIG`: there is not, and nothing has changed for anybody.
    pub fn reserve(&self, step: u32) -> io::Result<()> {
        let length = length(self.head, self.first, step)?;
        refuse_above_available_memory((length / 2) as u64)?;
        memfd::grow(self.file.as_fd(), length)
    }

    /// The memory at a step.
    ///
    /// # Errors
    /// `InvalidData`: nobody has reserved so much. `ENOMEM`: it cannot be mapped.
    #[inline]
    pub fn view(&self, step: u32) -> io::Result<&View> {
        match self.views.get(step as usize).and_then(OnceLock::get) {
            Some(view) => Ok(view),
            None => self.map(step),
        }
    }

    #[cold]
    fn map(&self, step: u32) -> io::Result<&View> {
        let length = length(self.head, self.first, step)?;
        let facts = memfd::facts(self.file.as_fd())?;
        if facts.length < length as u64 || facts.reserved < length as u64 {
            return Err(refused("it has not so much memory"));
        }
        let memory = Mapping::new(self.file.as_fd(), length)?;
        let place = self
            .views
            .get(step as usize)
            .ok_or_else(|| refused("it is too large"))?;
        Ok(place.get_or_init(|| View { memory }))
    }
}

/// Bytes at a step.
fn length(head: usize, first: usize, step: u32) -> io::Result<usize> {
    let doubled = (step < STEPS as u32)
        .then(|| first.checked_mul(1 << step))
        .flatten();
    doubled
        .and_then(|len| len.checked_add(head))
        .filter(|&len| len > 0 && i64::try_from(len).is_ok())
        .ok_or_else(|| io::Error::from_raw_os_error(libc::EFBIG))
}

impl View {
    /// Its size in bytes; never 0.
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "a view is never empty")]
    pub fn len(&self) -> usize {
        self.memory.len()
    }

    /// Where it is mapped, as long as its [`GrowingSegment`] is there. For the crates above that keep locks in it.
    #[doc(hidden)]
    #[inline]
    pub fn as_ptr(&self) -> *mut u8 {
        self.memory.as_ptr()
    }

    /// The four bytes at `offset` as an atomic integer.
    ///
    /// # Panics
    /// In the caller's line, if `offset` is no multiple of 4 or the bytes do not lie inside.
    #[inline]
    #[track_caller]
    pub fn atomic_u32(&self, offset: usize) -> &AtomicU32 {
        self.memory.atomic_u32(offset)
    }

    /// The eight bytes at `offset` as an atomic integer.
    ///
    /// # Panics
    /// In the caller's line, if `offset` is no multiple of 8 or the bytes do not lie inside.
    #[inline]
    #[track_caller]
    pub fn atomic_u64(&self, offset: usize) -> &AtomicU64 {
        self.memory.atomic_u64(offset)
    }

    /// Copies `bytes` to `offset`.
    ///
    /// # Panics
    /// In the caller's line, if they do not lie inside.
    #[inline]
    #[track_caller]
    pub fn write_bytes(&self, offset: usize, bytes: &[u8]) {
        self.memory.write(offset, bytes);
    }

    /// Copies the bytes from `offset` on to `to`.
    ///
    /// # Panics
    /// In the caller's line, if they do not lie inside.
    #[inline]
    #[track_caller]
    pub fn read_bytes(&self, offset: usize, to: &mut [u8]) {
        self.memory.read(offset, to);
    }
}

impl AsFd for GrowingSegment {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl fmt::Debug for GrowingSegment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrowingSegment")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

impl Serialize for GrowingSegment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.head, self.first, Fd::from(self.as_fd())).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for GrowingSegment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (head, first, file) = <(usize, usize, Fd<OwnedFd>)>::deserialize(deserializer)?;
        Self::open(file.into_inner(), head, first).map_err(D::Error::custom)
    }
}

fn refused(why: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("the descriptor is not the expected growing memory: {why}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{DecodeError, decode, encode};
    use std::sync::atomic::Ordering::Relaxed;

    #[test]
    fn who_maps_a_step_sees_what_was_written_at_another_one() {
        let ours = GrowingSegment::create("growing-test", 4096, 4096).unwrap();
        let sent = encode(&ours).unwrap();
        let theirs: GrowingSegment = decode(&sent.bytes, sent.descriptors).unwrap();
        ours.view(0).unwrap().atomic_u64(4096).store(7, Relaxed);
        theirs.view(2).unwrap_err();
        ours.reserve(2).unwrap();
        assert_eq!(theirs.view(2).unwrap().atomic_u64(4096).load(Relaxed), 7);
        theirs.view(2).unwrap().atomic_u32(5 * 4096 - 4).store(9, Relaxed);
        assert_eq!(ours.view(2).unwrap().atomic_u32(5 * 4096 - 4).load(Relaxed), 9);
        ours.view(3).unwrap_err();
        for step in [STEPS as u32, u32::MAX] {
            ours.view(step).unwrap_err();
            ours.reserve(step).unwrap_err();
        }
    }

    #[test]
    fn what_can_shrink_or_is_not_reserved_is_none() {
        use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
        let file = memfd_create("growing-test", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
        ftruncate(&file, 1 << 20).unwrap();
        let open = || GrowingSegment::open(file.try_clone().unwrap(), 4096, 4096).unwrap_err();
        assert!(open().to_string().contains("it can shrink"));
        fcntl_add_seals(&file, SealFlags::SHRINK).unwrap();
        assert!(open().to_string().contains("not so much memory"));
    }

    #[test]
    fn sizes_that_lie_are_an_error() {
        let memory = GrowingSegment::create("growing-test", 64, 64).unwrap();
        let sent = encode(&(usize::MAX, 64_usize, Fd::from(memory.as_fd()))).unwrap();
        let refused = decode::<GrowingSegment>(&sent.bytes, sent.descriptors);
        assert!(matches!(refused, Err(DecodeError::Value(_))));
        let sent = encode(&(1_usize << 40, 1_usize << 40, Fd::from(memory.as_fd()))).unwrap();
        let refused = decode::<GrowingSegment>(&sent.bytes, sent.descriptors);
        assert!(matches!(refused, Err(DecodeError::Value(_))));
    }
}
