//! The model in the place of `src/queue/beneath.rs`: words that the checker sees, memory that grows and has such words where a scene looks,
//! the kernel's sleep, and its locks on bytes.
//!
//! Invariant: every access of a protocol to what processes share passes [`stage::step`], where its process may die. What is written where no
//! scene looks is not kept.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering::{self, Relaxed, SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::stage::{self, Place};
use crate::sys::futex;
use crate::sys::memory::{Memory, Word};

pub(crate) use crate::sys::memory::Word as AtomicU32;
pub(crate) use loom::sync::atomic::fence;

/// The offsets of the words of four bytes and of eight, in the head of a ring.
const FOUR: [usize; 9] = [16, 20, 24, 416, 264, 536, 640, 768, 896];
const EIGHT: [usize; 15] = [
    0, 8, 128, 136, 144, 152, 160, 256, 384, 392, 400, 408, 512, 520, 528,
];

/// Where records are looked at, from the beginning of the ring: its first words, its last ones, and those that are the first of the new
/// half when it has grown.
const LOOKED_AT: [usize; 10] = [0, 8, 16, 24, 65520, 65528, 65536, 65544, 65552, 65560];

/// A word of eight bytes.
#[derive(Debug)]
pub(crate) struct AtomicU64 {
    value: loom::sync::atomic::AtomicU64,
    place: Place,
}

impl AtomicU64 {
    pub(crate) fn load(&self, order: Ordering) -> u64 {
        if stage::step("load", self.place) {
            self.value.load(order)
        } else {
            0
        }
    }

    pub(crate) fn store(&self, value: u64, order: Ordering) {
        if stage::step("store", self.place) {
            self.value.store(value, order);
        }
    }
}

struct Words {
    four: Memory,
    eight: BTreeMap<usize, AtomicU64>,
}

/// Memory that grows once.
pub(crate) struct GrowingSegment {
    views: Vec<View>,
    /// Which process has locked which byte.
    locks: Arc<Mutex<BTreeMap<u64, u32>>>,
    memory: usize,
}

/// The memory at one step: the words are the same ones.
pub(crate) struct View {
    len: usize,
    words: Arc<Words>,
}

impl GrowingSegment {
    pub(crate) fn create(_name: &str, head: usize, first: usize) -> io::Result<Self> {
        let memory = stage::number_of_memory();
        let records = LOOKED_AT.into_iter().map(|place| head + place);
        let word = |offset| {
            let place = Place { memory, offset };
            let value = loom::sync::atomic::AtomicU64::new(0);
            (offset, AtomicU64 { value, place })
        };
        let words = Arc::new(Words {
            four: Memory::new(FOUR),
            eight: EIGHT.into_iter().chain(records).map(word).collect(),
        });
        let view = |step| View {
            len: head + (first << step),
            words: Arc::clone(&words),
        };
        Ok(Self {
            views: (0..2).map(view).collect(),
            locks: Arc::default(),
            memory,
        })
    }

    pub(crate) fn open(_descriptor: OwnedFd, _head: usize, _first: usize) -> io::Result<Self> {
        unreachable!("no scene passes a descriptor")
    }

    pub(crate) fn reserve(&self, step: u32) -> io::Result<()> {
        self.view(step).map(drop)
    }

    pub(crate) fn view(&self, step: u32) -> io::Result<&View> {
        self.views
            .get(step as usize)
            .ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))
    }
}

impl AsFd for GrowingSegment {
    fn as_fd(&self) -> BorrowedFd<'_> {
        unreachable!("no scene asks for the descriptor")
    }
}

impl std::fmt::Debug for GrowingSegment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GrowingSegment")
    }
}

impl View {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn atomic_u32(&self, offset: usize) -> &AtomicU32 {
        self.words.four.word(offset)
    }

    pub(crate) fn atomic_u64(&self, offset: usize) -> &AtomicU64 {
        let word = self.words.eight.get(&offset);
        word.unwrap_or_else(|| panic!("the scene looks at no word at {offset}"))
    }

    pub(crate) fn write_bytes(&self, offset: usize, bytes: &[u8]) {
        for (number, bytes) in bytes.chunks(8).enumerate() {
            let Some(word) = self.words.eight.get(&(offset + 8 * number)) else {
                continue;
            };
            let mut eight = [0; 8];
            eight[..bytes.len()].copy_from_slice(bytes);
            word.store(u64::from_le_bytes(eight), Relaxed);
        }
    }

    pub(crate) fn read_bytes(&self, offset: usize, to: &mut [u8]) {
        for (number, to) in to.chunks_mut(8).enumerate() {
            if let Some(word) = self.words.eight.get(&(offset + 8 * number)) {
                to.copy_from_slice(&word.load(Relaxed).to_le_bytes()[..to.len()]);
            }
        }
    }
}

pub(crate) fn sleep_while(word: &Word, expected: u32, longest: Duration) {
    futex::sleep(word, expected, longest);
}

pub(crate) fn wake(word: &Word, count: i32) -> usize {
    futex::wake(word, count.cast_unsigned())
}

/// The release of a lock is a full fence, where it is not made one here.
pub(crate) fn fence_after_a_release() {
    fence(SeqCst);
}

/// The kernel's locks on bytes: it takes them away from the dead.
pub(crate) struct ByteLocks {
    locks: Arc<Mutex<BTreeMap<u64, u32>>>,
    memory: usize,
}

impl ByteLocks {
    pub(crate) fn open(memory: &GrowingSegment) -> io::Result<Self> {
        Ok(Self {
            locks: Arc::clone(&memory.locks),
            memory: memory.memory,
        })
    }

    fn place(&self, number: u64) -> Place {
        Place {
            memory: self.memory,
            offset: number as usize,
        }
    }

    pub(crate) fn lock(&self, number: u64) -> io::Result<bool> {
        if !stage::step("lock byte", self.place(number)) {
            return Ok(false);
        }
        let mut locks = self.locks.lock().unwrap();
        let is_free = is_free(&locks, number);
        if is_free {
            locks.insert(number, stage::number());
        }
        Ok(is_free)
    }

    pub(crate) fn unlock(&self, number: u64) {
        if stage::step("unlock byte", self.place(number)) {
            self.locks.lock().unwrap().remove(&number);
        }
    }

    pub(crate) fn is_free(&self, number: u64) -> io::Result<bool> {
        Ok(stage::step("ask for byte", self.place(number)) && is_free(&self.locks.lock().unwrap(), number))
    }
}

pub(crate) fn is_byte_free(memory: &GrowingSegment, number: u64) -> io::Result<bool> {
    ByteLocks::open(memory)?.is_free(number)
}

/// Whether nobody else has it.
fn is_free(locks: &BTreeMap<u64, u32>, number: u64) -> bool {
    let owner = locks.get(&number);
    owner.is_none_or(|owner| *owner == stage::number() || stage::is_gone(*owner))
}
