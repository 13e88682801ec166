//! The log: one shared-memory segment that every process of an answer appends to, and that the judge reads afterwards.
//!
//! # Layout
//! | bytes | what |
//! | --- | --- |
//! | 0..4096 | header: magic, next index, overflow, text cursor, ticket counter |
//! | `WAITERS` | tickets of threads that wait in a primitive of `work` |
//! | `CELLS` | shared words of gates, rendezvous and counters, found by a hash of their names |
//! | `TEXT` | text that is not static (a panic's message) |
//! | `ENTRIES` | `CAPACITY` entries of 64 bytes |
//!
//! # The first word of an entry
//! | state | written by | then |
//! | --- | --- | --- |
//! | `FREE` (0) | `create` | a writer that got this index fills the other seven words, and publishes |
//! | published (bit 0 set, kind in bits 32..) | that writer alone | never changes again |
//!
//! # A writer's steps, and if it dies here
//! 1. `fetch_add` on `next` claims an index. Dies before: nothing happened. Dies after: the entry stays `FREE`; a reader
//!    skips it, and nobody waits for it.
//! 2. It stores seven words, `Relaxed`. Dies between: as after step 1, since the state is still `FREE`.
//! 3. It stores the state, `Release`. The reader's `Acquire` load in [`Log::entry`] sees it, and with it the seven words.
//!
//! An index at or above `CAPACITY` is counted in `overflow` and dropped: the judge answers with LIMIT.
//!
//! # Why the index is a clock
//! All claims are atomic read-modify-writes of one word, so they have one order, and that order agrees with
//! happens-before: if what A did can have been seen by B, then A's index is the smaller one. The reverse does not hold;
//! so an index proves that an order did *not* hold, and never that it was enforced.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::panic::Location;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use core_process::probe;

use super::image;
use core_process::shm::Segment;

/// Entries that a log holds.
pub(crate) const CAPACITY: u64 = 32_768;
/// Threads that may wait in `work` at the same time with a ticket of their own.
pub(crate) const WAITER_SLOTS: usize = 256;
/// Named cells.
const CELL_SLOTS: usize = 256;
/// Bytes of a cell: its key, eight bytes of room, four words of 32 bits, four of 64.
const CELL_SIZE: usize = 64;
const TEXT_SIZE: usize = 64 << 10;
const ENTRY_SIZE: usize = 64;

const MAGIC: u64 = u64::from_be_bytes(*b"GRADER01");
const AT_MAGIC: usize = 0;
// Each on a cache line of its own: `next` is written by everybody all the time.
const AT_NEXT: usize = 64;
const AT_OVERFLOW: usize = 128;
const AT_TEXT_CURSOR: usize = 192;
const AT_TICKET: usize = 256;
const AT_MAIN: usize = 320;
const WAITERS: usize = 4096;
const WAITER_SIZE: usize = 32;
const CELLS: usize = WAITERS + WAITER_SLOTS * WAITER_SIZE;
const TEXT: usize = CELLS + CELL_SLOTS * CELL_SIZE;
const ENTRIES: usize = TEXT + TEXT_SIZE;
const LENGTH: usize = ENTRIES + CAPACITY as usize * ENTRY_SIZE;

const FREE: u64 = 0;
const PUBLISHED: u64 = 1;

/// The environment variable by which a process finds the log.
pub(crate) const ENVIRONMENT: &str = "GRADER_JOURNAL";

/// Who wrote an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A probe point of the library.
    Library,
    /// A primitive of [`crate::work`].
    Work,
    /// The grader's own frame around the answer.
    Grader,
}

/// What a writer says; everything static, so that writing takes no lock and no memory.
pub(crate) struct Line<'a> {
    pub(crate) source: Source,
    pub(crate) phase: probe::Phase,
    pub(crate) name: &'static str,
    /// The name of the gauge, gate, rendezvous or counter; a panic's message.
    pub(crate) subject: &'a str,
    pub(crate) object: u64,
    pub(crate) value: i64,
    pub(crate) location: Option<&'a Location<'a>>,
}

/// One published entry as the eight words that it is.
pub(crate) struct Entry {
    pub(crate) kind: u32,
    pub(crate) pid: u32,
    pub(crate) tid: u32,
    pub(crate) name: u64,
    pub(crate) subject: u64,
    pub(crate) object: u64,
    pub(crate) value: i64,
    pub(crate) location: u64,
}

/// A mapped log.
pub(crate) struct Log {
    segment: Segment,
}

/// A named cell of the log: a few shared words.
#[derive(Clone, Copy)]
pub(crate) struct Cell {
    log: &'static Log,
    at: usize,
}

static ATTACHED: OnceLock<Log> = OnceLock::new();

/// The log of this process, if it runs in a cage.
pub(crate) fn attached() -> Option<&'static Log> {
    ATTACHED.get()
}

/// Opens the log that the cage named, once, and sends the library's probe points there.
///
/// # Errors
/// The path cannot be opened, or what is there is no log of this version.
pub(crate) fn attach(path: &Path) -> io::Result<&'static Log> {
    if let Some(log) = ATTACHED.get() {
        return Ok(log);
    }
    let log = Log::open(path)?;
    let log = ATTACHED.get_or_init(|| log);
    probe::install(record_probe);
    Ok(log)
}

fn record_probe(event: &probe::Event) {
    if let Some(log) = ATTACHED.get() {
        shaken(log);
        log.append(&Line {
            source: Source::Library,
            phase: event.phase,
            name: event.name,
            subject: "",
            object: event.object,
            value: event.value,
            location: event.location,
        });
    }
}

impl Log {
    /// A new, empty log in memory that has no name.
    pub(crate) fn create() -> io::Result<Log> {
        let segment = Segment::create("grader-journal", LENGTH)?;
        // Nobody else has the segment yet.
        segment.atomic_u64(AT_MAGIC).store(MAGIC, Ordering::Relaxed);
        Ok(Log { segment })
    }

    fn open(path: &Path) -> io::Result<Log> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        Log::of(Segment::open(file.into(), LENGTH)?)
    }

    /// The log in a segment that another process has made.
    pub(crate) fn of(segment: Segment) -> io::Result<Log> {
        if segment.len() != LENGTH || segment.atomic_u64(AT_MAGIC).load(Ordering::Relaxed) != MAGIC {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "not a grader's journal",
            ));
        }
        Ok(Log { segment })
    }

    /// The same memory, to be given to another process.
    pub(crate) fn share(&self) -> io::Result<Segment> {
        self.segment.try_clone()
    }

    /// The path by which processes of the same user open this log while this process lives.
    pub(crate) fn path(&self) -> String {
        format!(
            "/proc/{}/fd/{}",
            std::process::id(),
            self.segment.as_fd().as_raw_fd()
        )
    }

    /// Appends a line; never blocks, never fails: a line that has no room is counted.
    pub(crate) fn append(&self, line: &Line<'_>) {
        // Relaxed: read-modify-writes of one word are ordered by coherence, and that order respects happens-before.
        let index = self.segment.atomic_u64(AT_NEXT).fetch_add(1, Ordering::Relaxed);
        if index >= CAPACITY {
            self.segment
                .atomic_u64(AT_OVERFLOW)
                .fetch_add(1, Ordering::Relaxed);
            return;
        }
        let pid = std::process::id();
        let tid = rustix::thread::gettid().as_raw_nonzero().get() as u32;
        let words = [
            u64::from(pid) | u64::from(tid) << 32,
            self.text(line.name),
            self.text(line.subject),
            line.object,
            line.value as u64,
            line.location.map_or(0, place),
        ];
        for (number, word) in words.into_iter().enumerate() {
            self.entry_word(index, number + 1).store(word, Ordering::Relaxed);
        }
        let state = PUBLISHED | u64::from(kind(line.source, line.phase)) << 32;
        // Release: pairs with the Acquire in `entry`.
        self.entry_word(index, 0).store(state, Ordering::Release);
    }

    /// Index of the next entry: everything with a smaller index was claimed before this call.
    pub(crate) fn position(&self) -> u64 {
        self.segment
            .atomic_u64(AT_NEXT)
            .load(Ordering::Relaxed)
            .min(CAPACITY)
    }

    /// Lines that had no room.
    pub(crate) fn overflow(&self) -> u64 {
        self.segment.atomic_u64(AT_OVERFLOW).load(Ordering::Relaxed)
    }

    /// The entry at `index`; `None` when its writer has not published it, or died before it could.
    pub(crate) fn entry(&self, index: u64) -> Option<Entry> {
        // Acquire: pairs with the Release at the end of `append`.
        let state = self.entry_word(index, 0).load(Ordering::Acquire);
        if state & PUBLISHED == FREE {
            return None;
        }
        let word = |number| self.entry_word(index, number).load(Ordering::Relaxed);
        let who = word(1);
        Some(Entry {
            kind: (state >> 32) as u32,
            pid: who as u32,
            tid: (who >> 32) as u32,
            name: word(2),
            subject: word(3),
            object: word(4),
            value: word(5) as i64,
            location: word(6),
        })
    }

    fn entry_word(&self, index: u64, word: usize) -> &AtomicU64 {
        self.segment
            .atomic_u64(ENTRIES + index as usize * ENTRY_SIZE + word * 8)
    }

    /// A reference to `text`: into the image if it is static, else into a copy in the segment; 0 for none.
    fn text(&self, text: &str) -> u64 {
        if text.is_empty() {
            return 0;
        }
        let text = &text[..text.floor_char_boundary(MAX_TEXT)];
        if let Some(offset) = image::offset_of(text) {
            return text_word(offset, text.len(), Home::Image);
        }
        let room = text.len().next_multiple_of(8) as u64;
        let offset = self
            .segment
            .atomic_u64(AT_TEXT_CURSOR)
            .fetch_add(room, Ordering::Relaxed);
        if offset + room > TEXT_SIZE as u64 {
            return 0;
        }
        // The bytes are ours alone; whoever reads them has first seen the entry's state.
        self.segment.write_bytes(TEXT + offset as usize, text.as_bytes());
        text_word(offset, text.len(), Home::Segment)
    }

    /// The text behind a word that [`Log::text`] made.
    pub(crate) fn text_of(&self, word: u64) -> String {
        if word == 0 {
            return String::new();
        }
        let (offset, len) = (word & OFFSET_MASK, (word >> OFFSET_BITS) as usize & MAX_TEXT);
        if word & IN_SEGMENT == 0 {
            return image::text_at(offset, len).unwrap_or("?").to_owned();
        }
        if offset as usize + len > TEXT_SIZE {
            return "?".to_owned();
        }
        String::from_utf8_lossy(&self.segment.read_bytes(TEXT + offset as usize, len)).into_owned()
    }

    /// The cell of this kind, name and number, the same one in every process; `None` when all cells are taken.
    ///
    /// A cell is claimed by one compare-exchange of its key. If the claimer dies before or after it, the cell is as good as
    /// ever: its words start at zero, which is every primitive's first state.
    pub(crate) fn cell(&'static self, kind: &'static str, name: &str, number: u64) -> Option<Cell> {
        let key = hash(kind, name, number);
        for probe in 0..CELL_SLOTS {
            let slot = (key as usize).wrapping_add(probe) % CELL_SLOTS;
            let at = CELLS + slot * CELL_SIZE;
            // Relaxed: the key alone says whose cell it is, and nothing else is initialised.
            let found =
                self.segment
                    .atomic_u64(at)
                    .compare_exchange(0, key, Ordering::Relaxed, Ordering::Relaxed);
            if found.is_ok() || found == Err(key) {
                return Some(Cell { log: self, at });
            }
        }
        None
    }

    /// The ticket counter of waiting threads.
    pub(crate) fn tickets(&self) -> &AtomicU64 {
        self.segment.atomic_u64(AT_TICKET)
    }

    /// A word of a waiter's slot: 0 its thread, 1 its ticket, 2 the word that it waits on and the value that it waits out.
    pub(crate) fn waiter(&self, slot: usize, word: usize) -> &AtomicU64 {
        self.segment.atomic_u64(WAITERS + slot * WAITER_SIZE + word * 8)
    }

    /// The shared 32-bit word at `offset`.
    pub(crate) fn word_at(&self, offset: usize) -> &AtomicU32 {
        self.segment.atomic_u32(offset)
    }

    /// Notes that this process is the answer's first one; the first caller wins.
    pub(crate) fn claim_main(&self, parent: u32) {
        let main = u64::from(std::process::id()) | u64::from(parent) << 32;
        // Relaxed: the word stands for itself. A loser is a child of the winner.
        let _ =
            self.segment
                .atomic_u64(AT_MAIN)
                .compare_exchange(0, main, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The process that stands above the answer's first one: all of the answer are its descendants.
    pub(crate) fn root(&self) -> Option<u32> {
        let main = self.segment.atomic_u64(AT_MAIN).load(Ordering::Relaxed);
        (main != 0).then_some((main >> 32) as u32)
    }
}

impl Cell {
    /// A 32-bit word of the cell, 0 to 3: one that can be waited on.
    pub(crate) fn word(&self, number: usize) -> &'static AtomicU32 {
        self.log.word_at(self.word_offset(number))
    }

    /// Where [`Cell::word`] lies in the segment.
    pub(crate) fn word_offset(&self, number: usize) -> usize {
        assert!(number < 4, "a cell has four words");
        self.at + 16 + number * 4
    }

    /// A 64-bit word of the cell, 0 to 3.
    pub(crate) fn wide(&self, number: usize) -> &'static AtomicU64 {
        assert!(number < 4, "a cell has four wide words");
        self.log.segment.atomic_u64(self.at + 32 + number * 8)
    }
}

const OFFSET_BITS: u32 = 40;
const OFFSET_MASK: u64 = (1 << OFFSET_BITS) - 1;
const IN_SEGMENT: u64 = 1 << 63;
/// Longest text that a word can refer to, in bytes; also the mask of its length.
const MAX_TEXT: usize = (1 << 23) - 1;

enum Home {
    Image,
    Segment,
}

fn text_word(offset: u64, len: usize, home: Home) -> u64 {
    let mark = match home {
        Home::Image => 0,
        Home::Segment => IN_SEGMENT,
    };
    offset & OFFSET_MASK | (len as u64) << OFFSET_BITS | mark
}

/// A source line in one word: offset of the file's name (32 bits), its length (12), the line (20); 0 for none.
fn place(location: &Location<'_>) -> u64 {
    let file = location.file();
    match image::offset_of(file) {
        Some(offset) if offset < 1 << 32 && file.len() < 1 << 12 && location.line() < 1 << 20 => {
            offset | (file.len() as u64) << 32 | u64::from(location.line()) << 44
        }
        _ => 0,
    }
}

/// File and line behind a word that [`place`] made.
pub(crate) fn place_of(word: u64) -> Option<(&'static str, u32)> {
    if word == 0 {
        return None;
    }
    let file = image::text_at(word & 0xffff_ffff, (word >> 32) as usize & 0xfff)?;
    Some((file, (word >> 44) as u32))
}

fn kind(source: Source, phase: probe::Phase) -> u32 {
    let source = match source {
        Source::Library => 0,
        Source::Work => 1,
        Source::Grader => 2,
    };
    let phase = match phase {
        probe::Phase::Point => 0,
        probe::Phase::Begin => 1,
        probe::Phase::End => 2,
    };
    source << 8 | phase
}

/// What [`kind`] put together; an unknown number is a point of the grader.
pub(crate) fn kind_of(kind: u32) -> (Source, probe::Phase) {
    let source = match kind >> 8 {
        0 => Source::Library,
        1 => Source::Work,
        _ => Source::Grader,
    };
    let phase = match kind & 0xff {
        1 => probe::Phase::Begin,
        2 => probe::Phase::End,
        _ => probe::Phase::Point,
    };
    (source, phase)
}

/// FNV-1a over kind, name and number; never 0, which marks a free cell.
fn hash(kind: &str, name: &str, number: u64) -> u64 {
    let bytes = kind
        .bytes()
        .chain([0])
        .chain(name.bytes())
        .chain([0])
        .chain(number.to_le_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    hash.max(1)
}

/// Seed of the delays at the library's probe points; 0 for none.
static SHAKE: AtomicU64 = AtomicU64::new(0);

/// Delays the library's operations in this process from now on, and in its forks.
pub(crate) fn shake(seed: u64) {
    SHAKE.store(seed.wrapping_mul(2) | 1, Ordering::Relaxed);
}

/// Sleeps up to half a millisecond at a quarter of the probe points.
fn shaken(log: &Log) {
    let seed = SHAKE.load(Ordering::Relaxed);
    if seed == 0 {
        return;
    }
    let tid = rustix::thread::gettid().as_raw_nonzero().get() as u64;
    let draw = hash("shake", "", seed ^ log.position() << 20 ^ tid << 40);
    if draw.is_multiple_of(4) {
        std::thread::sleep(std::time::Duration::from_micros(draw >> 8 & 511));
    }
}
