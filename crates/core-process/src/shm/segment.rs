//! `Segment`: memory of a fixed size that is passed to other processes as a value.
//!
//! Invariant: every page of a mapped segment is reserved, and its size is sealed, by whoever made it; so no access
//! inside it can end in SIGBUS. Both are checked before a segment of somebody else is mapped.
//! This file does not know what lives in the memory, nor who takes turns there.

use std::fmt;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU32, AtomicU64};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Fd;
use crate::sys::fd::{above_standard, duplicate};
use crate::sys::map::Mapping;
use crate::sys::memfd;

/// From this size on it is asked first whether the machine has the memory: the kernel would not refuse, but kill.
const LARGE: usize = 64 << 20;

/// Memory of a fixed size, shared by every process that has it.
///
/// A segment is a value: an argument, a result or a part of a message, and the other process sees the same memory.
/// It has no name, so nothing is left behind, however its processes end: the memory is freed with the last of them.
/// All of it is reserved when it is made, and it can neither shrink nor grow.
///
/// It costs a descriptor and a mapping, both closed on drop.
///
/// ```
/// use core_process::codec;
/// use core_process::shm::Segment;
/// use std::sync::atomic::Ordering;
///
/// let ours = Segment::create("counters", 64)?;
/// let sent = codec::encode(&ours)?; // as an argument would travel
/// let theirs: Segment = codec::decode(&sent.bytes, sent.descriptors)?;
///
/// theirs.atomic_u64(8).fetch_add(5, Ordering::Relaxed);
/// assert_eq!(ours.atomic_u64(8).load(Ordering::Relaxed), 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Segment {
    memory: Mapping,
    file: OwnedFd,
}

impl Segment {
    /// Makes a segment of `len` zero bytes. `name` is for the reader of `/proc/<pid>/maps`; two may have the same.
    ///
    /// # Errors
    /// - `InvalidInput`: `len` is 0, or `name` has a zero byte or more than 249 bytes.
    /// - `ENOSPC`, `ENOMEM`: there is not so much memory. It is found out here, not by a signal later.
    /// - `EFBIG`: `len` is above `RLIMIT_FSIZE`, which counts for memory too.
    /// - `EMFILE`, `ENFILE`: no descriptor is free.
    pub fn create(name: &str, len: usize) -> io::Result<Self> {
        if len == 0 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a segment of 0 bytes cannot be mapped",
            ));
        }
        let size = i64::try_from(len).map_err(|_| io::Error::from_raw_os_error(libc::EFBIG))?;
        refuse_above_available_memory(size.cast_unsigned())?;
        let file = memfd::create_fixed(name, len)?;
        Ok(Self {
            memory: Mapping::new(file.as_fd(), len)?,
            file,
        })
    }

    /// Maps a segment that another process has made, of `expected_len` bytes.
    ///
    /// # Errors
    /// - `InvalidData`: the descriptor is no segment (its size is not sealed, or its memory is not reserved, or is one of huge pages), or
    ///   is one of another size.
    /// - The system's error if it cannot be mapped, for example because it is open for reading alone.
    pub fn open(descriptor: OwnedFd, expected_len: usize) -> io::Result<Self> {
        let found = sealed_length(descriptor.as_fd())?;
        if found != expected_len as u64 {
            let why = format!("it has {found} bytes where {expected_len} are expected");
            return Err(not_a_segment(&why));
        }
        Self::map(descriptor, expected_len)
    }

    /// Maps a segment that another process has made, as long as it is, if that is no more than `most`.
    pub(crate) fn open_within(descriptor: OwnedFd, most: u64) -> io::Result<Self> {
        let found = sealed_length(descriptor.as_fd())?;
        match usize::try_from(found) {
            Ok(len) if found <= most => Self::map(descriptor, len),
            _ => {
                let why = format!("it has {found} bytes where {most} at most are expected");
                Err(not_a_segment(&why))
            }
        }
    }

    fn map(descriptor: OwnedFd, len: usize) -> io::Result<Self> {
        let file = above_standard(descriptor)?;
        Ok(Self {
            memory: Mapping::new(file.as_fd(), len)?,
            file,
        })
    }

    /// The same memory by a descriptor and a mapping of its own.
    ///
    /// # Errors
    /// `EMFILE` if no descriptor is free, `ENOMEM` if no mapping is.
    pub fn try_clone(&self) -> io::Result<Self> {
        let file = duplicate(&self.file).map_err(io::Error::from_raw_os_error)?;
        Ok(Self {
            memory: Mapping::new(file.as_fd(), self.len())?,
            file,
        })
    }

    /// Its size in bytes; never 0.
    #[expect(clippy::len_without_is_empty, reason = "a segment is never empty")]
    #[inline]
    pub fn len(&self) -> usize {
        self.memory.len()
    }

    /// Where it lies in this process, aligned to a page; another process has it at another address.
    ///
    /// Other processes write there at any time: a plain read or write needs an agreement with them.
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

    /// Copies `bytes` to `offset`. Whoever reads meanwhile may see a part of them.
    ///
    /// # Panics
    /// In the caller's line, if they do not lie inside.
    #[track_caller]
    pub fn write_bytes(&self, offset: usize, bytes: &[u8]) {
        self.memory.write(offset, bytes);
    }

    /// Copies the bytes from `offset` on into `to`. While somebody writes, they may be half old and half new.
    ///
    /// # Panics
    /// In the caller's line, if they do not lie inside.
    #[track_caller]
    pub fn copy_to(&self, offset: usize, to: &mut [u8]) {
        self.memory.read(offset, to);
    }

    /// Maps every page now instead of at its first touch.
    pub(crate) fn populate(&self) {
        self.memory.populate();
    }

    /// A copy of the `len` bytes from `offset` on. While somebody writes, it may be half old and half new.
    ///
    /// # Panics
    /// In the caller's line, if they do not lie inside.
    #[track_caller]
    pub fn read_bytes(&self, offset: usize, len: usize) -> Vec<u8> {
        match self.memory.copy(offset, len) {
            Some(bytes) => bytes,
            None => panic!(
                "{len} bytes at {offset} do not lie in a segment of {} bytes",
                self.len()
            ),
        }
    }
}

impl AsFd for Segment {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment")
            .field("len", &self.len())
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

impl Serialize for Segment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.len(), Fd::from(self.as_fd())).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Segment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (len, file) = <(usize, Fd<OwnedFd>)>::deserialize(deserializer)?;
        Self::open(file.into_inner(), len).map_err(D::Error::custom)
    }
}

/// `ENOMEM` for much memory that the machine does not have.
pub(super) fn refuse_above_available_memory(size: u64) -> io::Result<()> {
    if size >= LARGE as u64 && available_memory().is_some_and(|available| size > available) {
        return Err(io::Error::from_raw_os_error(libc::ENOMEM));
    }
    Ok(())
}

/// The bytes that can be had without killing somebody, by the kernel's estimate; `None` where it gives none.
fn available_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let kibibytes = |field: &str| -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(field))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    };
    Some((kibibytes("MemAvailable:")? + kibibytes("SwapFree:")?) * 1024)
}

/// The length of a memory file that may be mapped: sealed, so that it stays; reserved, so that no access ends in SIGBUS.
fn sealed_length(descriptor: BorrowedFd<'_>) -> io::Result<u64> {
    let facts = memfd::facts(descriptor)?;
    if !facts.length_is_fixed {
        return Err(not_a_segment("its size is not sealed"));
    }
    if !facts.has_plain_pages {
        return Err(not_a_segment("it is made of huge pages"));
    }
    if facts.reserved < facts.length {
        return Err(not_a_segment("its memory is not reserved"));
    }
    Ok(facts.length)
}

fn not_a_segment(why: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("the descriptor is not the expected memory segment: {why}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{DecodeError, decode, encode};
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fstat, memfd_create};
    use rustix::io::Errno;
    use std::env;
    use std::fs::File;
    use std::os::fd::AsRawFd;
    use std::panic::catch_unwind;
    use std::process::{self, Command};
    use std::sync::atomic::Ordering;

    fn memfd(name: &str) -> Result<OwnedFd, Errno> {
        memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)
    }

    /// Whether something of that name is mapped here.
    fn is_mapped(name: &str) -> bool {
        fs::read_to_string("/proc/self/maps")
            .unwrap()
            .contains(&format!("/memfd:{name} "))
    }

    #[test]
    fn a_new_segment_is_zero_reserved_sealed_and_close_on_exec() {
        let segment = Segment::create("segment-new", 5000).unwrap();
        assert!(segment.as_raw_fd_number() > 2);
        assert!(
            rustix::io::fcntl_getfd(&segment)
                .unwrap()
                .contains(rustix::io::FdFlags::CLOEXEC)
        );
        let status = fstat(&segment).unwrap();
        assert_eq!(status.st_size, 5000);
        assert!(status.st_blocks * 512 >= 5000);
        // Only now, since reading would reserve the pages.
        assert_eq!(segment.read_bytes(0, 5000), vec![0; 5000]);
        for size in [0, 4999, 5001, 1 << 20] {
            assert_eq!(rustix::fs::ftruncate(&segment, size), Err(Errno::PERM));
        }
        assert_eq!(fcntl_add_seals(&segment, SealFlags::WRITE), Err(Errno::PERM));
    }

    impl Segment {
        fn as_raw_fd_number(&self) -> i32 {
            self.file.as_raw_fd()
        }
    }

    #[test]
    fn dropping_it_unmaps_and_closes_it() {
        let segment = Segment::create("segment-dropped", 1).unwrap();
        let copy = segment.try_clone().unwrap();
        drop(segment);
        assert!(is_mapped("segment-dropped"));
        assert_eq!(copy.read_bytes(0, 1), [0]);
        let number = copy.as_raw_fd_number();
        drop(copy);
        assert!(!is_mapped("segment-dropped"));
        let link = fs::read_link(format!("/proc/self/fd/{number}")).unwrap_or_default();
        assert!(!link.to_string_lossy().contains("segment-dropped"));
    }

    #[test]
    fn sizes_that_cannot_be_are_errors() {
        let kind = |len| Segment::create("segment-size", len).unwrap_err().kind();
        assert_eq!(kind(0), io::ErrorKind::InvalidInput);
        assert_eq!(kind(usize::MAX), io::ErrorKind::FileTooLarge);
        assert_eq!(kind(isize::MAX as usize), io::ErrorKind::OutOfMemory);
        assert!(Segment::create("zero \0 byte", 8).is_err());
        assert!(Segment::create(&"n".repeat(300), 8).is_err());
    }

    #[test]
    fn only_sealed_reserved_memory_of_the_expected_size_is_opened() {
        let open = |file: OwnedFd, len| Segment::open(file, len).unwrap_err().to_string();
        let file = File::open("/proc/self/exe").unwrap();
        assert!(open(file.into(), 1).contains("not sealed"));
        let unsealed = memfd("segment-unsealed").unwrap();
        rustix::fs::ftruncate(&unsealed, 8).unwrap();
        assert!(open(unsealed, 8).contains("not sealed"));
        let sparse = memfd("segment-sparse").unwrap();
        rustix::fs::ftruncate(&sparse, 8192).unwrap();
        fcntl_add_seals(&sparse, SealFlags::SHRINK | SealFlags::GROW).unwrap();
        assert!(open(sparse, 8192).contains("not reserved"));
        let huge = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING | MemfdFlags::HUGETLB;
        let huge = memfd_create("segment-huge", huge).unwrap();
        rustix::fs::ftruncate(&huge, 2 << 20).unwrap();
        fcntl_add_seals(&huge, SealFlags::SHRINK | SealFlags::GROW).unwrap();
        assert!(open(huge, 2 << 20).contains("huge pages"));
        let segment = Segment::create("segment-other-size", 64).unwrap();
        for len in [0, 63, 65, usize::MAX] {
            assert!(open(duplicate(&segment).unwrap(), len).contains("64 bytes where"));
        }
    }

    #[test]
    fn a_message_that_lies_about_the_size_is_refused() {
        let sent = encode(&Segment::create("segment-lie", 64).unwrap()).unwrap();
        let mut bytes = sent.bytes;
        assert_eq!(bytes, [64, 0]);
        bytes[0] = 65;
        assert!(matches!(
            decode::<Segment>(&bytes, sent.descriptors),
            Err(DecodeError::Value(_))
        ));
        assert!(!is_mapped("segment-lie"));
    }

    #[test]
    fn an_access_outside_panics_in_the_callers_line() {
        let segment = Segment::create("segment-bounds", 64).unwrap();
        let segment = &segment;
        let accesses: [Box<dyn Fn() + std::panic::RefUnwindSafe>; 9] = [
            Box::new(|| {
                let _ = segment.atomic_u32(2);
            }),
            Box::new(|| {
                let _ = segment.atomic_u32(64);
            }),
            Box::new(|| {
                let _ = segment.atomic_u64(4);
            }),
            Box::new(|| {
                let _ = segment.atomic_u64(usize::MAX - 7);
            }),
            Box::new(|| segment.write_bytes(64, &[1])),
            Box::new(|| segment.write_bytes(usize::MAX, &[1])),
            Box::new(|| drop(segment.read_bytes(60, 5))),
            Box::new(|| drop(segment.read_bytes(0, usize::MAX))),
            Box::new(|| drop(segment.read_bytes(65, 0))),
        ];
        for (at, access) in accesses.iter().enumerate() {
            assert!(catch_unwind(access).is_err(), "access {at} did not panic");
        }
        segment.write_bytes(64, &[]);
        assert_eq!(segment.atomic_u64(56).load(Ordering::Relaxed), 0);
    }

    #[test]
    fn another_process_shares_the_memory() {
        const HERE: &str = "CORE_PROCESS_TEST_SEGMENT";
        if let Some(path) = env::var_os(HERE) {
            let file = File::options().read(true).write(true).open(path).unwrap();
            let segment = Segment::open(file.into(), 100).unwrap();
            assert_eq!(segment.read_bytes(90, 5), b"there");
            segment.write_bytes(3, b"back");
            segment.atomic_u32(96).fetch_add(40, Ordering::Relaxed);
            return;
        }
        let segment = Segment::create("segment-two", 100).unwrap();
        segment.write_bytes(90, b"there");
        segment.atomic_u32(96).store(2, Ordering::Relaxed);
        let child = Command::new(env::current_exe().unwrap())
            .args([
                "shm::segment::tests::another_process_shares_the_memory",
                "--exact",
            ])
            .env(
                HERE,
                format!("/proc/{}/fd/{}", process::id(), segment.as_raw_fd_number()),
            )
            .output()
            .unwrap();
        assert!(
            child.status.success(),
            "{}",
            String::from_utf8_lossy(&child.stdout)
        );
        assert_eq!(segment.read_bytes(3, 4), b"back");
        assert_eq!(segment.atomic_u32(96).load(Ordering::Relaxed), 42);
    }
}
