//! On which processors a thread may run: read, carried to another process as bytes, and set.
//!
//! Invariant: a mask is the kernel's own bytes. On a machine with more processors than [`MOST`] there is none, and whoever wants one
//! goes without.
//! This file does not know why anybody's mask is changed.
#![allow(
    unsafe_code,
    reason = "sched_getaffinity and sched_setaffinity with masks of any length"
)]

use super::call;

/// The processor on which the calling thread runs just now.
#[inline]
pub(crate) fn here() -> usize {
    rustix::thread::sched_getcpu()
}

/// Whether the calling thread shares its processor with others by turns, as most threads do: who waits there for it gets it in the
/// end. One of a real-time policy might never let go.
pub(crate) fn is_shared_fairly() -> bool {
    // SAFETY: it asks for the calling thread's policy, a number.
    let policy = unsafe { call::call(libc::SYS_sched_getscheduler, [0; 5]) };
    policy.is_ok_and(|policy| policy == libc::SCHED_OTHER as usize)
}

/// As many processors as a mask has bits.
const MOST: usize = 1024;

/// The processors on which a thread may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Affinity {
    /// All beyond `length` is zero.
    bits: [u8; Affinity::MOST_BYTES],
    /// How many bytes this kernel's masks have.
    length: usize,
}

impl Affinity {
    /// No mask is longer.
    pub(crate) const MOST_BYTES: usize = MOST / 8;

    /// The calling thread's.
    pub(crate) fn of_this_thread() -> Option<Self> {
        let mut bits = [0; Self::MOST_BYTES];
        let arguments = [0, bits.len(), bits.as_mut_ptr() as usize, 0, 0];
        // SAFETY: the kernel writes no more bytes than it is told that there are, and says how many it wrote.
        let length = unsafe { call::call(libc::SYS_sched_getaffinity, arguments) }.ok()?;
        Some(Self { bits, length })
    }

    /// The mask that these bytes are; `None` where they are too many.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut bits = [0; Self::MOST_BYTES];
        bits.get_mut(..bytes.len())?.copy_from_slice(bytes);
        let length = bytes.len();
        Some(Self { bits, length })
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bits[..self.length]
    }

    /// This one processor alone; `None` where it is the only one of this mask anyway, or is not in it.
    pub(crate) fn narrowed_to(&self, processor: usize) -> Option<Self> {
        let (byte, bit) = (processor / 8, 1 << (processor % 8));
        let mut bits = [0; Self::MOST_BYTES];
        *bits.get_mut(byte)? = self.bits.get(byte)? & bit;
        let narrow = Self { bits, ..*self };
        (bits[byte] != 0 && narrow != *self).then_some(narrow)
    }

    /// Sets it for the calling thread, and so for what that starts from now on. Where the kernel refuses (none of these processors is
    /// there for this process any more), nothing changes.
    pub(crate) fn set_here(&self) {
        self.set(0);
    }

    /// Sets it for the first thread of another process, of which the caller knows that it is there.
    pub(crate) fn set_for(&self, pid: u32) {
        self.set(pid);
    }

    fn set(&self, pid: u32) {
        let arguments = [pid as usize, self.length, self.bits.as_ptr() as usize, 0, 0];
        // SAFETY: the kernel reads as many bytes as there are.
        let _ = unsafe { call::call(libc::SYS_sched_setaffinity, arguments) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A thread of its own is enough: an affinity is a thread's.
    #[test]
    fn a_mask_is_read_narrowed_sent_and_set() {
        let checked = std::thread::spawn(|| {
            let all = Affinity::of_this_thread().unwrap();
            assert_eq!(Affinity::from_bytes(all.as_bytes()), Some(all));
            let Some(one) = all.narrowed_to(here()) else {
                let bits: u32 = all.as_bytes().iter().map(|byte| byte.count_ones()).sum();
                return assert_eq!(bits, 1);
            };
            one.set_here();
            assert_eq!(Affinity::of_this_thread(), Some(one));
            assert_eq!(one.narrowed_to(here()), None, "it is one already");
            assert_eq!(all.narrowed_to(MOST), None, "no mask has it");
            all.set_here();
            assert_eq!(Affinity::of_this_thread(), Some(all));
        });
        checked.join().unwrap();
        assert_eq!(Affinity::from_bytes(&[0; Affinity::MOST_BYTES + 1]), None);
    }
}
