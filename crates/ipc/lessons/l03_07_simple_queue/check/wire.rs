//! `Wire`: a stream of bytes between processes, and what shows when two of them use an end of it at the same time.
//!
//! Invariant: the bytes go through a pipe of the kernel, as they are. An operation (one `put`, one `get`) that comes back to the wire
//! after another one has used the same end finds its number replaced in shared memory: what it writes or reads is torn then, and its
//! process ends at once, since nobody can make sense of the rest.

use std::cell::Cell;
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering::AcqRel;

use core_process::Fd;
use core_process::shm::Segment;
use grader::work::{Gate, note};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A stream of bytes: both ends of it, for any number of processes. A clone is the same wire.
#[derive(Clone, Debug)]
pub struct Wire(Arc<Ends>);

#[derive(Debug, Serialize, Deserialize)]
struct Ends {
    to: Fd<PipeWriter>,
    from: Fd<PipeReader>,
    /// The last operation at each end.
    last: Segment,
    is_slow: bool,
}

/// One end.
#[derive(Clone, Copy)]
struct End {
    place: usize,
    piece: &'static str,
    torn: &'static str,
    second: Gate,
}

const WRITING: End = End {
    place: 0,
    piece: "writes",
    torn: "torn while written",
    second: Gate::named("a second one writes"),
};
const READING: End = End {
    place: 8,
    piece: "reads",
    torn: "torn while read",
    second: Gate::named("a second one reads"),
};

/// With this code a process ends that has found its message torn.
pub(super) const TORN: i32 = 77;

thread_local! {
    /// The operation of this thread: its number, and how often it has used the wire.
    static OPERATION: Cell<(u64, u32)> = const { Cell::new((0, 0)) };
}

/// Begins an operation of this thread.
pub(super) fn begin() {
    let (number, _) = OPERATION.get();
    let pid = u64::from(std::process::id());
    OPERATION.set((((number & 0xffff) + 1) | pid << 16, 0));
}

impl Wire {
    pub(super) fn new(is_slow: bool) -> Wire {
        let (from, to) = std::io::pipe().expect("descriptors are free");
        Wire(Arc::new(Ends {
            to: Fd::from(to),
            from: Fd::from(from),
            last: Segment::create("wire", 64).expect("memory is free"),
            is_slow,
        }))
    }

    /// Writes a piece of `bytes`, its beginning, and says how long it was; waits while the wire is full.
    pub fn write(&self, bytes: &[u8]) -> usize {
        self.enter(WRITING);
        // A pipe takes a small piece whole, and a large one as it likes.
        let piece = &bytes[..bytes.len().min(4096)];
        let written = (&*self.0.to).write(piece).expect("this process reads, too");
        self.leave(WRITING, written);
        written
    }

    /// Writes all of `bytes`, piece by piece.
    pub fn write_all(&self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = &bytes[self.write(bytes)..];
        }
    }

    /// Reads what is there, at most as much as `bytes` has room for, and says how much it was; waits while nothing is there.
    pub fn read(&self, bytes: &mut [u8]) -> usize {
        self.enter(READING);
        let read = (&*self.0.from).read(bytes).expect("the wire is there");
        self.leave(READING, read);
        read
    }

    /// Fills all of `bytes`, piece by piece.
    pub fn read_exact(&self, mut bytes: &mut [u8]) {
        while !bytes.is_empty() {
            let read = self.read(bytes);
            bytes = &mut bytes[read..];
        }
    }

    fn enter(&self, end: End) {
        let (number, times) = OPERATION.get();
        let last = self.0.last.atomic_u64(end.place).swap(number, AcqRel);
        if times > 0 && last != number {
            note(end.torn, (last >> 16) as i64);
            core_process::exit_now(TORN);
        }
        if times == 0 && last != 0 {
            end.second.open();
        }
    }

    fn leave(&self, end: End, len: usize) {
        let (number, times) = OPERATION.get();
        OPERATION.set((number, times + 1));
        // More than this would fill the journal.
        if times < 2 {
            note(end.piece, len as i64);
        }
        if times == 0 && self.0.is_slow {
            // Until another one comes to the same end, or nobody can.
            end.second.wait();
        }
    }
}

impl Serialize for Wire {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Wire {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ends::deserialize(deserializer).map(|ends| Wire(Arc::new(ends)))
    }
}
