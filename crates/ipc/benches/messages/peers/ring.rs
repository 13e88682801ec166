//! The limit: rings in shared memory with nothing around them. Who finds nothing, or no room, looks a little longer and then sleeps on a
//! futex. Nobody dies here, nobody lies, and every message has the same size.
#![allow(unsafe_code, reason = "bytes of shared memory as bare as they come")]

use std::cell::Cell;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicU32, AtomicU64, fence};

use core_process::shm::Segment;
use rustix::thread::futex::{self, Flags};
use serde::{Deserialize, Serialize};

const LINE: usize = 64;
const TAIL: usize = 0;
const HEAD: usize = 2 * LINE;
const READER: usize = 4 * LINE;
const WRITER: usize = 6 * LINE;
const SLOTS: usize = 4096;

/// Looks before a sleep.
const LOOKS: u32 = 500;

/// For one writer and one reader.
#[derive(Serialize, Deserialize)]
pub(crate) struct Ring {
    memory: Segment,
    size: usize,
    slots: u64,
    /// What this side has last seen of the other. A copy is of one side, the first to use it, for ever.
    #[serde(skip)]
    seen: Cell<u64>,
}

impl Ring {
    pub(crate) fn new(size: usize, slots: usize) -> Self {
        assert!(slots.is_power_of_two());
        let memory = Segment::create("ring", SLOTS + size * slots).expect("a segment is made");
        Self {
            memory,
            size,
            slots: slots as u64,
            seen: Cell::new(0),
        }
    }

    /// Writes one message by `write`, which gets its place.
    #[inline]
    pub(crate) fn push(&self, write: impl FnOnce(*mut u8)) {
        let (tail, head) = (self.memory.atomic_u64(TAIL), self.memory.atomic_u64(HEAD));
        let at = tail.load(Relaxed);
        if at.wrapping_sub(self.seen.get()) >= self.slots {
            wait(self.memory.atomic_u32(WRITER), || {
                self.seen.set(head.load(Acquire));
                at.wrapping_sub(self.seen.get()) < self.slots
            });
        }
        write(self.place(at));
        tail.store(at.wrapping_add(1), Release);
        wake(self.memory.atomic_u32(READER));
    }

    /// Reads one message by `read`, which gets its place.
    #[inline]
    pub(crate) fn pop<R>(&self, read: impl FnOnce(*const u8) -> R) -> R {
        let (tail, head) = (self.memory.atomic_u64(TAIL), self.memory.atomic_u64(HEAD));
        let at = head.load(Relaxed);
        if self.seen.get() == at {
            wait(self.memory.atomic_u32(READER), || {
                self.seen.set(tail.load(Acquire));
                self.seen.get() != at
            });
        }
        let message = read(self.place(at));
        head.store(at.wrapping_add(1), Release);
        wake(self.memory.atomic_u32(WRITER));
        message
    }

    pub(crate) fn push_number(&self, number: u64) {
        // SAFETY: the place has `size` bytes, aligned to 8, and is the writer's until the tail moves.
        self.push(|place| unsafe { place.cast::<u64>().write(number) });
    }

    pub(crate) fn pop_number(&self) -> u64 {
        // SAFETY: as in `push_number`, the reader's until the head moves.
        self.pop(|place| unsafe { place.cast::<u64>().read() })
    }

    pub(crate) fn push_bytes(&self, bytes: &[u8]) {
        assert!(bytes.len() <= self.size);
        // SAFETY: `bytes` fit into the place, which is the writer's until the tail moves.
        self.push(|place| unsafe { place.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) });
    }

    pub(crate) fn pop_bytes(&self, bytes: &mut [u8]) {
        assert!(bytes.len() <= self.size);
        // SAFETY: as in `push_bytes`, the reader's until the head moves.
        self.pop(|place| unsafe { place.copy_to_nonoverlapping(bytes.as_mut_ptr(), bytes.len()) });
    }

    /// Writes a message in its slot.
    pub(crate) fn push_in_place(&self, write: impl FnOnce(&mut [u8])) {
        // SAFETY: the slot has `size` bytes, and is the writer's until the tail moves.
        self.push(|place| write(unsafe { std::slice::from_raw_parts_mut(place, self.size) }));
    }

    /// Reads a message in its slot.
    pub(crate) fn pop_in_place<R>(&self, read: impl FnOnce(&[u8]) -> R) -> R {
        // SAFETY: as in `push_in_place`, the reader's until the head moves.
        self.pop(|place| read(unsafe { std::slice::from_raw_parts(place, self.size) }))
    }

    #[inline]
    fn place(&self, at: u64) -> *mut u8 {
        let offset = SLOTS + (at & (self.slots - 1)) as usize * self.size;
        self.memory.as_ptr().wrapping_add(offset)
    }
}

impl Clone for Ring {
    fn clone(&self) -> Self {
        Self {
            memory: self.memory.try_clone().expect("a descriptor and a mapping"),
            size: self.size,
            slots: self.slots,
            seen: Cell::new(0),
        }
    }
}

/// For any number of writers and readers, of numbers. Each slot has a number of its own that says whose turn it is.
#[derive(Serialize, Deserialize)]
pub(crate) struct Many {
    memory: Segment,
    slots: u64,
}

impl Many {
    pub(crate) fn new(slots: usize) -> Self {
        assert!(slots.is_power_of_two());
        let memory = Segment::create("ring", SLOTS + 16 * slots).expect("a segment is made");
        let ring = Self {
            memory,
            slots: slots as u64,
        };
        for at in 0..ring.slots {
            ring.turn(at).store(at, Relaxed);
        }
        ring
    }

    pub(crate) fn push(&self, number: u64) {
        let at = self.claim(TAIL, WRITER, 0);
        self.value(at).store(number, Relaxed);
        self.turn(at).store(at.wrapping_add(1), Release);
        wake(self.memory.atomic_u32(READER));
    }

    pub(crate) fn pop(&self) -> u64 {
        let at = self.claim(HEAD, READER, 1);
        let number = self.value(at).load(Relaxed);
        self.turn(at).store(at.wrapping_add(self.slots), Release);
        wake(self.memory.atomic_u32(WRITER));
        number
    }

    /// The next slot of a side, when the slot's number is that of the place and `further`.
    fn claim(&self, counter: usize, sleeper: usize, further: u64) -> u64 {
        let counter = self.memory.atomic_u64(counter);
        let mut at = counter.load(Relaxed);
        loop {
            if self.turn(at).load(Acquire) == at.wrapping_add(further) {
                match counter.compare_exchange_weak(at, at.wrapping_add(1), AcqRel, Relaxed) {
                    Ok(_) => return at,
                    Err(now) => at = now,
                }
                continue;
            }
            wait(self.memory.atomic_u32(sleeper), || {
                at = counter.load(Acquire);
                let is_there = self.turn(at).load(Acquire) == at.wrapping_add(further);
                // Where the counter has moved, the slot was somebody's, and the next one may be there.
                is_there || counter.load(Acquire) != at
            });
        }
    }

    fn turn(&self, at: u64) -> &AtomicU64 {
        self.memory
            .atomic_u64(SLOTS + (at & (self.slots - 1)) as usize * 16)
    }

    fn value(&self, at: u64) -> &AtomicU64 {
        self.memory
            .atomic_u64(SLOTS + (at & (self.slots - 1)) as usize * 16 + 8)
    }
}

impl Clone for Many {
    fn clone(&self) -> Self {
        Self {
            memory: self.memory.try_clone().expect("a descriptor and a mapping"),
            slots: self.slots,
        }
    }
}

/// Looks until it is there, and sleeps after some looks. The word is odd while somebody sleeps, and another one after every wake-up: so who
/// was about to sleep does not take the mark of a later sleeper for its own.
#[cold]
fn wait(word: &AtomicU32, mut is_there: impl FnMut() -> bool) {
    loop {
        for _ in 0..LOOKS {
            if is_there() {
                return;
            }
            std::hint::spin_loop();
        }
        let marked = word.fetch_or(1, Relaxed) | 1;
        fence(SeqCst);
        if is_there() {
            return;
        }
        let _ = futex::wait(word, Flags::empty(), marked, None);
    }
}

#[inline]
fn wake(word: &AtomicU32) {
    fence(SeqCst);
    let marked = word.load(Relaxed);
    if marked & 1 != 0 {
        wake_all(word, marked);
    }
}

#[cold]
fn wake_all(word: &AtomicU32, marked: u32) {
    let _ = word.compare_exchange(marked, marked.wrapping_add(1), Relaxed, Relaxed);
    let _ = futex::wake(word, Flags::empty(), i32::MAX.cast_unsigned());
}
