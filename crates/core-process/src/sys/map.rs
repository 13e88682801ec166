//! A shared mapping of a file, and checked access to it.
//!
//! Invariant: the mapping is there as long as its value, and an access outside it panics in the caller's line.
//! Other processes write here at any time, so every access is an atomic one or a copy made of atomic ones, and no
//! reference to plain bytes is ever given out.
//! No access ends in SIGBUS, as long as the file does not shrink: whoever maps it knows that, and [`extend`](Mapping::extend)
//! finds out whether there is as much of it.
#![allow(unsafe_code, reason = "maps memory and points into it")]

use std::io;
use std::os::fd::BorrowedFd;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, MremapFlags, ProtFlags, madvise, mmap, mremap, munmap};

/// A readable, writable `MAP_SHARED` mapping.
#[derive(Debug)]
pub(crate) struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

impl Default for Mapping {
    /// Of nothing: every access is outside it.
    fn default() -> Self {
        let start = NonNull::<AtomicU64>::dangling().cast();
        Self { start, len: 0 }
    }
}

// SAFETY: a mapping belongs to the process, not to a thread, and is reached through atomics alone.
unsafe impl Send for Mapping {}
// SAFETY: as above: `&Mapping` gives out atomics, copies made of atomic accesses, and an address.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps the first `len` bytes of `file`, which the caller knows to be there for ever.
    pub(crate) fn new(file: BorrowedFd<'_>, len: usize) -> io::Result<Self> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: without MAP_FIXED the kernel picks free addresses, so nothing that exists is replaced.
        let start = unsafe { mmap(ptr::null_mut(), len, protection, MapFlags::SHARED, file, 0) }?;
        let start = NonNull::new(start.cast()).ok_or(Errno::NOMEM)?;
        Ok(Self { start, len })
    }

    /// Access to memory that another handle has mapped, and unmaps. It must not be used when that one is gone.
    pub(crate) fn of_another(start: *mut u8, len: usize) -> std::mem::ManuallyDrop<Self> {
        match NonNull::new(start) {
            Some(start) => std::mem::ManuallyDrop::new(Self { start, len }),
            None => unreachable!("a mapping does not lie at address 0"),
        }
    }

    /// Maps at least the first `len` bytes, at another address if need be, without the file's descriptor. Fails where the
    /// file has not so many, and leaves the mapping as it was.
    pub(crate) fn extend(&mut self, len: usize) -> io::Result<()> {
        let before = self.len;
        if len <= before {
            return Ok(());
        }
        self.resize(len)?;
        // SAFETY: populating for reading changes nothing in the pages. Where the file has not so many, this fails with EFAULT,
        // where touching them would end this process by SIGBUS.
        let populated = unsafe { madvise(self.as_ptr().cast(), self.len, Advice::LinuxPopulateRead) };
        if let Err(error) = populated {
            self.resize(before)?;
            return Err(error.into());
        }
        Ok(())
    }

    /// Gives the memory from `offset` on, where a page begins, back to the system, whoever else has it mapped: it reads as zeros.
    pub(crate) fn give_back_from(&self, offset: usize) {
        let Some(rest) = self.len.checked_sub(offset).filter(|rest| *rest > 0) else {
            return;
        };
        // SAFETY: the sum lies inside the mapping.
        let start = unsafe { self.as_ptr().add(offset) };
        // SAFETY: the range is this mapping's, and is reached through atomics, which zeros are valid values of. It may fail, and
        // nothing has changed then.
        let _ = unsafe { madvise(start.cast(), rest, Advice::LinuxRemove) };
    }

    /// Maps every page now, in one call, instead of one by one when they are touched. Where the kernel cannot (before Linux 5.14), they are
    /// mapped when they are touched.
    pub(crate) fn populate(&self) {
        // SAFETY: populating for writing changes nothing in the pages, and the range is this mapping.
        let _ = unsafe { madvise(self.as_ptr().cast(), self.len, Advice::LinuxPopulateWrite) };
    }

    fn resize(&mut self, len: usize) -> io::Result<()> {
        // SAFETY: the old range is this mapping, and `&mut self` shows that nobody holds an address in it.
        let start = unsafe { mremap(self.as_ptr().cast(), self.len, len, MremapFlags::MAYMOVE) }?;
        self.start = NonNull::new(start.cast()).ok_or(Errno::NOMEM)?;
        self.len = len;
        Ok(())
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn as_ptr(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    #[inline]
    #[track_caller]
    pub(crate) fn atomic_u32(&self, offset: usize) -> &AtomicU32 {
        let place = self.place(offset, size_of::<u32>(), align_of::<AtomicU32>());
        // SAFETY: `place` lies inside the mapping, which lives as long as `&self`, and is aligned; any bits are a
        // u32, and other processes write to it by atomic instructions too.
        unsafe { AtomicU32::from_ptr(place.cast()) }
    }

    #[inline]
    #[track_caller]
    pub(crate) fn atomic_u64(&self, offset: usize) -> &AtomicU64 {
        let place = self.place(offset, size_of::<u64>(), align_of::<AtomicU64>());
        // SAFETY: `place` lies inside the mapping, which lives as long as `&self`, and is aligned; any bits are a
        // u64, and other processes write to it by atomic instructions too.
        unsafe { AtomicU64::from_ptr(place.cast()) }
    }

    /// Copies the bytes from `offset` on into `to`.
    #[inline]
    #[track_caller]
    pub(crate) fn read(&self, offset: usize, to: &mut [u8]) {
        #[cfg(target_arch = "x86_64")]
        if to.len() >= BLOCK {
            let from = self.place(offset, to.len(), 1);
            // SAFETY: `place` has checked the source; the target is a slice of so many bytes that nobody else has.
            return unsafe { copy_block(from, to.as_mut_ptr(), to.len()) };
        }
        let (head, words, tail) = self.split(offset, to.len());
        let (to_head, rest) = to.split_at_mut(head.len());
        let (to_words, to_tail) = rest.split_at_mut(words.len() * 8);
        for (byte, to) in head.iter().zip(to_head).chain(tail.iter().zip(to_tail)) {
            *to = byte.load(Ordering::Relaxed);
        }
        for (word, to) in words.iter().zip(to_words.as_chunks_mut::<8>().0) {
            *to = word.load(Ordering::Relaxed).to_ne_bytes();
        }
    }

    /// A copy of `len` bytes from `offset` on; `None` if they do not lie inside. Allocates nothing for what does not.
    pub(crate) fn copy(&self, offset: usize, len: usize) -> Option<Vec<u8>> {
        if offset.checked_add(len)? > self.len {
            return None;
        }
        let mut bytes = vec![0; len];
        self.read(offset, &mut bytes);
        Some(bytes)
    }

    /// Copies `from` to the bytes from `offset` on.
    #[inline]
    #[track_caller]
    pub(crate) fn write(&self, offset: usize, from: &[u8]) {
        #[cfg(target_arch = "x86_64")]
        if from.len() >= BLOCK {
            let to = self.place(offset, from.len(), 1);
            // SAFETY: `place` has checked the target; the source is a slice of so many bytes.
            return unsafe { copy_block(from.as_ptr(), to, from.len()) };
        }
        let (head, words, tail) = self.split(offset, from.len());
        let (from_head, rest) = from.split_at(head.len());
        let (from_words, from_tail) = rest.split_at(words.len() * 8);
        for (byte, from) in head.iter().zip(from_head).chain(tail.iter().zip(from_tail)) {
            byte.store(*from, Ordering::Relaxed);
        }
        for (word, from) in words.iter().zip(from_words.as_chunks::<8>().0) {
            word.store(u64::from_ne_bytes(*from), Ordering::Relaxed);
        }
    }

    /// The range as bytes up to an aligned word, words, and the bytes after them.
    #[inline]
    #[track_caller]
    fn split(&self, offset: usize, len: usize) -> (&[AtomicU8], &[AtomicU64], &[AtomicU8]) {
        let start = self.place(offset, len, 1).cast::<AtomicU8>();
        // SAFETY: the range lies inside the mapping, which lives as long as `&self`; `AtomicU8` is a byte of any
        // value at any address, and is shared with other writers by its nature.
        let bytes = unsafe { std::slice::from_raw_parts(start, len) };
        // SAFETY: eight bytes of any values are an `AtomicU64`, and `align_to` gives aligned ones alone.
        unsafe { bytes.align_to::<AtomicU64>() }
    }

    /// The address of `offset`, if `len` bytes of that alignment lie there.
    #[inline]
    #[track_caller]
    fn place(&self, offset: usize, len: usize, align: usize) -> *mut u8 {
        if offset.checked_add(len).is_none_or(|end| end > self.len) || !offset.is_multiple_of(align) {
            misplaced(offset, len, align, self.len);
        }
        // The start of a mapping is aligned to a page, so the address is aligned as the offset is.
        // SAFETY: `offset` is at most `self.len`, so the sum lies in the mapping or one past it.
        unsafe { self.as_ptr().add(offset) }
    }
}

/// From so many bytes on they are copied in pieces of 64.
#[cfg(target_arch = "x86_64")]
const BLOCK: usize = 128;

/// Copies bytes of which other processes may write either end at any time: so by instructions, of which the compiler supposes nothing.
///
/// # Safety
/// - `len` is at least 64.
/// - So many bytes can be read at `from` and written at `to`, as long as this runs.
#[cfg(target_arch = "x86_64")]
#[inline]
unsafe fn copy_block(from: *const u8, to: *mut u8, len: usize) {
    if len >= MANY {
        // SAFETY: the caller's.
        return unsafe { copy_many(from, to, len) };
    }
    // SAFETY: the caller's; the last piece is the last 64 bytes, some of which the loop may have copied already.
    unsafe {
        std::arch::asm!(
            "2:",
            "movups xmm0, [{from} + {at}]",
            "movups xmm1, [{from} + {at} + 16]",
            "movups xmm2, [{from} + {at} + 32]",
            "movups xmm3, [{from} + {at} + 48]",
            "movups [{to} + {at}], xmm0",
            "movups [{to} + {at} + 16], xmm1",
            "movups [{to} + {at} + 32], xmm2",
            "movups [{to} + {at} + 48], xmm3",
            "add {at}, 64",
            "cmp {at}, {last}",
            "jb 2b",
            "movups xmm0, [{from} + {last}]",
            "movups xmm1, [{from} + {last} + 16]",
            "movups xmm2, [{from} + {last} + 32]",
            "movups xmm3, [{from} + {last} + 48]",
            "movups [{to} + {last}], xmm0",
            "movups [{to} + {last} + 16], xmm1",
            "movups [{to} + {last} + 32], xmm2",
            "movups [{to} + {last} + 48], xmm3",
            from = in(reg) from,
            to = in(reg) to,
            last = in(reg) len - 64,
            at = inout(reg) 0_usize => _,
            out("xmm0") _,
            out("xmm1") _,
            out("xmm2") _,
            out("xmm3") _,
            options(nostack),
        );
    }
}

/// From so many bytes on the processor's own copy is the fastest: it does not read the lines that it overwrites, which another processor has
/// (a kilobyte in a queue: 6.3 M/s instead of 4.1).
#[cfg(target_arch = "x86_64")]
const MANY: usize = 512;

/// [`copy_block`] of many bytes.
///
/// # Safety
/// As there.
#[cfg(target_arch = "x86_64")]
unsafe fn copy_many(from: *const u8, to: *mut u8, len: usize) {
    // SAFETY: the caller's; the direction flag is clear, as it is at the begin of every `asm!`.
    unsafe {
        std::arch::asm!(
            "rep movsb",
            inout("rcx") len => _,
            inout("rsi") from => _,
            inout("rdi") to => _,
            options(nostack, preserves_flags)
        );
    }
}

#[cold]
#[track_caller]
fn misplaced(offset: usize, len: usize, align: usize, whole: usize) -> ! {
    panic!("{len} bytes aligned to {align} do not lie at offset {offset} of {whole} bytes of shared memory")
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if self.len == 0 {
            return;
        }
        // SAFETY: the range is this mapping's own, and every reference into it has ended with the borrow of `self`.
        let unmapped = unsafe { munmap(self.as_ptr().cast(), self.len) };
        debug_assert_eq!(unmapped, Ok(()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    fn mapping(len: usize) -> Mapping {
        let file = rustix::fs::memfd_create("map-test", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        rustix::fs::ftruncate(&file, len as u64).unwrap();
        Mapping::new(file.as_fd(), len).unwrap()
    }

    #[test]
    fn copies_of_every_length_at_every_alignment() {
        let map = mapping(64);
        for offset in 0..24 {
            for len in 0..=40 {
                map.write(0, &[0xEE; 64]);
                let bytes: Vec<u8> = (0..len).map(|at| at as u8 + 1).collect();
                map.write(offset, &bytes);
                let mut all = [0; 64];
                map.read(0, &mut all);
                let mut expected = [0xEE; 64];
                expected[offset..offset + len].copy_from_slice(&bytes);
                assert_eq!(all, expected, "{len} bytes at {offset}");
                let mut back = vec![0; len];
                map.read(offset, &mut back);
                assert_eq!(back, bytes);
            }
        }
    }

    #[test]
    fn copies_of_many_lengths_change_nothing_beside_them() {
        let map = mapping(1024);
        for (offset, len) in (120..400).map(|len| (len * 7 % 61, len)) {
            map.write(0, &[0xEE; 1024]);
            let bytes: Vec<u8> = (0..len).map(|at| (at * 31 % 251) as u8).collect();
            map.write(offset, &bytes);
            let mut all = [0; 1024];
            map.read(0, &mut all);
            let mut expected = [0xEE; 1024];
            expected[offset..offset + len].copy_from_slice(&bytes);
            assert!(all == expected, "{len} bytes at {offset}");
            let mut back = vec![0xDD; len + 1];
            map.read(offset, &mut back[..len]);
            assert!(back[..len] == bytes && back[len] == 0xDD);
        }
    }

    #[test]
    fn copies_of_many_bytes_at_every_alignment_change_nothing_beside_them() {
        let whole = 32 << 10;
        let map = mapping(whole);
        for offset in [0, 1, 7, 8, 63, 64] {
            for len in [511, 512, 513, 8191, 20_011] {
                map.write(0, &vec![0xEE; whole]);
                let bytes: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
                map.write(offset, &bytes);
                let mut all = vec![0; whole];
                map.read(0, &mut all);
                assert!(all[..offset].iter().all(|&byte| byte == 0xEE));
                assert!(all[offset + len..].iter().all(|&byte| byte == 0xEE));
                assert!(all[offset..offset + len] == bytes);
                let mut back = vec![0; len];
                map.read(offset, &mut back);
                assert!(back == bytes);
            }
        }
    }

    #[test]
    fn an_extension_past_the_end_of_the_file_changes_nothing() {
        let page = rustix::param::page_size();
        let mut map = mapping(page);
        map.write(0, b"here");
        for len in [page + 1, 1 << 30, isize::MAX as usize] {
            assert!(map.extend(len).is_err(), "{len}");
            assert_eq!(map.len(), page);
        }
        assert_eq!(map.copy(0, 4).as_deref(), Some(&b"here"[..]));
        assert_eq!(map.copy(1, page), None);
        assert_eq!(map.copy(usize::MAX, 2), None);
    }

    #[test]
    fn what_is_given_back_has_no_memory_any_more() {
        let page = rustix::param::page_size();
        let file = rustix::fs::memfd_create("map-test", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, 8 * page as u64).unwrap();
        let map = Mapping::new(file.as_fd(), 8 * page).unwrap();
        map.write(0, b"stays");
        map.write(page, b"goes");
        map.give_back_from(page);
        assert_eq!(map.copy(0, 5).as_deref(), Some(&b"stays"[..]));
        let status = rustix::fs::fstat(&file).unwrap();
        assert_eq!(status.st_blocks * 512, page as i64);
    }

    #[test]
    fn a_second_mapping_sees_the_atomics_of_the_first() {
        let file = rustix::fs::memfd_create("map-test", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        rustix::fs::ftruncate(&file, 16).unwrap();
        let [a, b] = [(); 2].map(|()| Mapping::new(file.as_fd(), 16).unwrap());
        a.atomic_u32(4).store(0x01020304, Ordering::Relaxed);
        a.atomic_u64(8).store(9, Ordering::Relaxed);
        assert_eq!(b.atomic_u32(4).load(Ordering::Relaxed), 0x01020304);
        assert_eq!(b.atomic_u64(8).fetch_add(1, Ordering::Relaxed), 9);
        assert_eq!(a.atomic_u64(8).load(Ordering::Relaxed), 10);
    }
}
