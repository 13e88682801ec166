//! `Ring`: items in shared memory, without any protection; and the marks by which the checks see and steer who uses it.
//!
//! Invariant: an operation of the ring changes it by one store, so it is whole whenever its user dies. It does not know what a
//! lock is: two at a time, a take from an empty ring and a put into a full one are written down, not prevented.

use std::sync::OnceLock;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::time::Duration;

use core_process::probe::Event;
use core_process::shm::Segment;
use grader::work::{note, observe};
use serde::{Deserialize, Serialize};

/// A ring of items in shared memory, for one process at a time. A copy of it is the same ring.
#[derive(Debug, Serialize, Deserialize)]
pub struct Ring {
    memory: Segment,
}

/// What is done to a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Op {
    Look,
    Put,
    Take,
    /// A lock is released, and the last thing that was done to the ring was a look.
    ReleaseAfterLook,
}

/// Where a process is held: in its so-manieth operation of this kind, after it has been done.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Halt {
    pub(super) op: Op,
    pub(super) nth: usize,
}

/// Who this process is, where it takes part in a scenario.
#[derive(Debug)]
struct Part {
    number: usize,
    halt: Option<Halt>,
    /// Operations of the halt's kind so far.
    count: AtomicUsize,
    /// Looks since the ring last changed, and how often it had changed by then.
    looks: AtomicU64,
    changes: AtomicU64,
    /// Whether its last operation was a look.
    has_looked: AtomicBool,
    ring: Ring,
}

static PART: OnceLock<Part> = OnceLock::new();

/// More than any scenario needs, so that an answer without a limit shows itself and breaks nothing.
const SLOTS: usize = 256;
/// Processes of a scenario.
pub(super) const PARTS: usize = 16;
/// Looks in a row at a ring that does not change: who looks so often does not sleep between them.
pub(super) const RESTLESS: u64 = 20;
/// How often a held process looks whether it may go on.
const STEP: Duration = Duration::from_micros(300);

const CAPACITY: usize = 0;
const PUT: usize = 8;
const TAKEN: usize = 16;
/// Operations so far, looks among them.
const OPS: usize = 24;
/// The process that is changing the ring, 0 for nobody.
const CHANGING: usize = 32;
/// Number of the part that looks again and again, plus one.
const TOSSING: usize = 40;
const HELD: usize = 64;
const ITEMS: usize = HELD + 8 * PARTS;

const PLAYS: u64 = 1;
const IS_HELD: u64 = 2;
const MAY_GO: u64 = 3;

impl Clone for Ring {
    fn clone(&self) -> Ring {
        Ring {
            memory: self
                .memory
                .try_clone()
                .expect("there is a descriptor and a mapping"),
        }
    }
}

/// What an answer uses.
impl Ring {
    /// How many items it is to hold at most; at least 1.
    pub fn capacity(&self) -> usize {
        self.word(CAPACITY).load(Relaxed) as usize
    }

    /// How many items are in it.
    #[track_caller]
    pub fn len(&self) -> usize {
        self.word(OPS).fetch_add(1, Relaxed);
        if let Some(other) = self.changing() {
            note("together", other as i64);
        }
        let len = self.held();
        self.look(len);
        self.halt(Op::Look);
        len
    }

    /// Whether there is no item in it.
    #[track_caller]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts an item behind the others. There must be room for it.
    #[track_caller]
    pub fn put(&self, item: u64) {
        let alone = self.begin();
        let put = self.word(PUT).load(Relaxed);
        self.word(ITEMS + 8 * (put as usize % SLOTS)).store(item, Relaxed);
        // Release: who sees the count sees the item.
        self.word(PUT).store(put + 1, Release);
        note("put", item as i64);
        if self.held() > self.capacity() {
            note("no room", self.held() as i64);
        }
        self.halt(Op::Put);
        self.end(alone);
    }

    /// Takes the first item. There must be one.
    #[track_caller]
    pub fn take(&self) -> u64 {
        let alone = self.begin();
        let taken = self.word(TAKEN).load(Relaxed);
        let item = if self.held() == 0 {
            note("nothing there", 0);
            0
        } else {
            let item = self.word(ITEMS + 8 * (taken as usize % SLOTS)).load(Relaxed);
            self.word(TAKEN).store(taken + 1, Release);
            note("take", item as i64);
            item
        };
        self.halt(Op::Take);
        self.end(alone);
        item
    }

    fn held(&self) -> usize {
        // Acquire: pairs with the Release of a put.
        let put = self.word(PUT).load(Acquire);
        put.saturating_sub(self.word(TAKEN).load(Acquire)) as usize
    }

    #[track_caller]
    fn look(&self, len: usize) {
        let Some(part) = PART.get() else { return };
        let changes = self.changes();
        if part.changes.swap(changes, Relaxed) != changes {
            part.looks.store(0, Relaxed);
        }
        if part.looks.fetch_add(1, Relaxed) < RESTLESS {
            note("look", len as i64);
            return;
        }
        self.word(TOSSING).store(part.number as u64 + 1, Relaxed);
        // It has been seen; what it does from here on would only fill the journal.
        loop {
            std::thread::sleep(STEP);
        }
    }

    /// Says that this process changes the ring now; whether it is the only one.
    #[track_caller]
    fn begin(&self) -> bool {
        self.word(OPS).fetch_add(1, Relaxed);
        let me = u64::from(std::process::id());
        if let Some(other) = self.changing() {
            note("together", other as i64);
            return false;
        }
        self.word(CHANGING).store(me, Release);
        true
    }

    /// The other process that is in the middle of a change; one that was killed there is none.
    fn changing(&self) -> Option<u64> {
        let other = self.word(CHANGING).load(Acquire);
        let is_other = other != 0 && other != u64::from(std::process::id());
        (is_other && std::fs::exists(format!("/proc/{other}")).unwrap_or(false)).then_some(other)
    }

    fn end(&self, alone: bool) {
        if alone {
            self.word(CHANGING).store(0, Release);
        }
    }

    /// Holds this process here, if that is its order.
    fn halt(&self, op: Op) {
        let Some(part) = PART.get() else { return };
        if op != Op::ReleaseAfterLook {
            part.has_looked.store(op == Op::Look, Relaxed);
        }
        let Some(halt) = part.halt.filter(|halt| halt.op == op) else {
            return;
        };
        if part.count.fetch_add(1, Relaxed) + 1 != halt.nth {
            return;
        }
        let word = self.word(HELD + 8 * part.number);
        word.store(IS_HELD, Release);
        while word.load(Acquire) != MAY_GO {
            std::thread::sleep(STEP);
        }
    }

    fn word(&self, offset: usize) -> &AtomicU64 {
        self.memory.atomic_u64(offset)
    }
}

/// Sees what this process does with the library.
fn after_event(event: &Event) {
    let Some(part) = PART.get() else { return };
    if matches!(event.name, "unlock" | "runlock") && part.has_looked.load(Relaxed) {
        part.ring.halt(Op::ReleaseAfterLook);
    }
}

/// What the checks use.
impl Ring {
    pub(super) fn new(capacity: usize) -> Ring {
        let memory = Segment::create("ring", ITEMS + 8 * SLOTS).expect("there is memory for it");
        memory.atomic_u64(CAPACITY).store(capacity as u64, Relaxed);
        Ring { memory }
    }

    /// Makes this process the part of this number.
    pub(super) fn play(&self, number: usize, halt: Option<Halt>) {
        let part = Part {
            number,
            halt,
            count: AtomicUsize::new(0),
            looks: AtomicU64::new(0),
            changes: AtomicU64::new(self.changes()),
            has_looked: AtomicBool::new(false),
            ring: self.clone(),
        };
        PART.set(part).expect("a process plays one part");
        observe(after_event);
        self.word(HELD + 8 * number).store(PLAYS, Release);
    }

    /// Items in it; not a look.
    pub(super) fn items(&self) -> usize {
        self.held()
    }

    /// Operations so far.
    pub(super) fn ops(&self) -> u64 {
        self.word(OPS).load(Relaxed)
    }

    /// Whether the process of this number has begun.
    pub(super) fn plays(&self, number: usize) -> bool {
        self.word(HELD + 8 * number).load(Acquire) >= PLAYS
    }

    pub(super) fn is_held(&self, number: usize) -> bool {
        self.word(HELD + 8 * number).load(Acquire) == IS_HELD
    }

    pub(super) fn let_go(&self, number: usize) {
        // Release: pairs with the Acquire in `halt`.
        self.word(HELD + 8 * number).store(MAY_GO, Release);
    }

    /// The part that looks again and again, if one does.
    pub(super) fn tossing(&self) -> Option<usize> {
        (self.word(TOSSING).load(Relaxed) as usize).checked_sub(1)
    }

    fn changes(&self) -> u64 {
        self.word(PUT).load(Relaxed) + self.word(TAKEN).load(Relaxed)
    }
}
