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
use std::sync::atomic::{AtomicU64, Ordering};

use core_process::probe;
use core_process::shm::Segment;

use super::image;
use super::shake::shaken;
use super::words::{
    Home, IN_SEGMENT, MAX_TEXT, OFFSET_BITS, OFFSET_MASK, Source, cut, kind, place, text_word,
};

/// Entries that a log holds.
pub(crate) const CAPACITY: u64 = 32_768;
/// Threads that may wait in `work` at the same time with a ticket of their own.
pub(crate) const WAITER_SLOTS: usize = 256;
/// Named cells.
pub(super) const CELL_SLOTS: usize = 256;
/// Bytes of a cell: its key, eight bytes of room, four words of 32 bits, four of 64.
pub(super) const CELL_SIZE: usize = 64;
const TEXT_SIZE: usize = 64 << 10;
const ENTRY_SIZE: usize = 64;

const MAGIC: u64 = u64::from_be_bytes(*b"GRADER01");
const AT_MAGIC: usize = 0;
// Each on a cache line of its own: `next` is written by everybody all the time.
const AT_NEXT: usize = 64;
const AT_OVERFLOW: usize = 128;
const AT_TEXT_CURSOR: usize = 192;
pub(super) const AT_TICKET: usize = 256;
pub(super) const AT_MAIN: usize = 320;
pub(super) const WAITERS: usize = 4096;
pub(super) const WAITER_SIZE: usize = 32;
pub(super) const CELLS: usize = WAITERS + WAITER_SLOTS * WAITER_SIZE;
const TEXT: usize = CELLS + CELL_SLOTS * CELL_SIZE;
const ENTRIES: usize = TEXT + TEXT_SIZE;
const LENGTH: usize = ENTRIES + CAPACITY as usize * ENTRY_SIZE;

const FREE: u64 = 0;
const PUBLISHED: u64 = 1;

/// The environment variable by which a process finds the log.
pub(crate) const ENVIRONMENT: &str = "GRADER_JOURNAL";

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
    pub(super) segment: Segment,
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
        crate::work::tell(event);
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
        let text = cut(text, MAX_TEXT);
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
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use core_process::{Child, Process};

    use super::*;
    use crate::Journal;

    fn line(value: i64) -> Line<'static> {
        Line {
            source: Source::Work,
            phase: probe::Phase::Point,
            name: "a line of a test",
            subject: "",
            object: 0,
            value,
            location: Some(Location::caller()),
        }
    }

    fn write_lines(segment: Segment, lines: i64) {
        let log = Log::of(segment).unwrap();
        (0..lines).for_each(|value| log.append(&line(value)));
    }

    /// As `write_lines`, but nobody begins before all four are there.
    fn write_lines_together(segment: Segment, lines: i64) {
        let log: &'static Log = Box::leak(Box::new(Log::of(segment).unwrap()));
        let ready = log.cell("counter", "ready", 0).unwrap().word(0);
        ready.fetch_add(1, Ordering::AcqRel);
        let watchdog = Instant::now() + Duration::from_secs(60);
        while ready.load(Ordering::Acquire) < 4 {
            assert!(Instant::now() < watchdog, "the others do not come");
            std::thread::yield_now();
        }
        (0..lines).for_each(|value| log.append(&line(value)));
    }

    #[test]
    fn four_processes_write_and_nothing_is_lost_or_mixed() {
        const LINES: i64 = 5000;
        let log = Log::create().unwrap();
        let start = |_| {
            Process::new(write_lines_together, (log.share().unwrap(), LINES))
                .start()
                .unwrap()
        };
        let children: Vec<Child<()>> = (0..4).map(start).collect();
        children.iter().for_each(|child| child.join().unwrap());
        let journal = Journal::read(&log);
        assert_eq!(journal.events().len() as i64, 4 * LINES);
        for child in &children {
            let values: Vec<i64> = journal
                .by_pid(child.pid() as i32)
                .map(|event| event.value)
                .collect();
            assert_eq!(
                values,
                (0..LINES).collect::<Vec<i64>>(),
                "each process's lines keep their order"
            );
        }
        let event = &journal.events()[0];
        assert_eq!(event.name, "a line of a test");
        assert!(event.location.as_ref().unwrap().file.ends_with("log.rs"));
    }

    #[test]
    fn a_claimed_index_that_was_never_published_is_skipped() {
        let log = Log::create().unwrap();
        log.append(&line(1));
        // A writer that dies after its first step.
        log.segment.atomic_u64(AT_NEXT).fetch_add(1, Ordering::Relaxed);
        log.append(&line(3));
        let journal = Journal::read(&log);
        let seen: Vec<(u64, i64)> = journal
            .events()
            .iter()
            .map(|event| (event.seq, event.value))
            .collect();
        assert_eq!(seen, [(0, 1), (2, 3)]);
    }

    #[test]
    fn a_writer_that_is_killed_leaves_whole_lines_and_harms_nobody() {
        let log = Log::create().unwrap();
        let child = Process::new(write_lines, (log.share().unwrap(), i64::MAX))
            .start()
            .unwrap();
        let watchdog = Instant::now() + Duration::from_secs(60);
        while log.position() < 100 {
            assert!(Instant::now() < watchdog, "the writer does not write");
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.join().unwrap_err();
        let journal = Journal::read(&log);
        assert!(
            journal.events().len() as u64 + 1 >= log.position(),
            "one line at most is missing"
        );
        assert!(
            journal
                .events()
                .iter()
                .all(|event| event.name == "a line of a test" && event.pid == child.pid() as i32)
        );
    }

    #[test]
    fn what_has_no_room_is_counted_and_dropped() {
        let log = Log::create().unwrap();
        (0..CAPACITY as i64 + 5).for_each(|value| log.append(&line(value)));
        let journal = Journal::read(&log);
        assert_eq!(
            (log.position(), log.overflow(), journal.dropped()),
            (CAPACITY, 5, 5)
        );
        assert_eq!(journal.events().last().unwrap().value, CAPACITY as i64 - 1);
    }

    #[test]
    fn text_that_is_not_static_is_copied_until_there_is_no_room() {
        let log = Log::create().unwrap();
        let message = format!("made at run time: {}", "x".repeat(1000));
        for _ in 0..100 {
            log.append(&Line {
                subject: &message,
                ..line(0)
            });
        }
        let journal = Journal::read(&log);
        assert_eq!(journal.events()[0].subject, message);
        assert_eq!(
            journal.events()[99].subject,
            "",
            "the room for text is used up, and the line is there all the same"
        );
    }

    #[test]
    fn words_that_somebody_scribbled_over_are_no_danger() {
        let log = Log::create().unwrap();
        for seed in 0..200 {
            log.append(&line(0));
            let mut rng = fastrand::Rng::with_seed(seed);
            for word in 1..8 {
                log.entry_word(seed, word).store(rng.u64(..), Ordering::Relaxed);
            }
        }
        assert_eq!(Journal::read(&log).events().len(), 200);
    }

    #[test]
    fn a_segment_of_another_kind_is_refused() {
        let small = Segment::create("small", 4096).unwrap();
        assert!(Log::of(small).is_err());
        let blank = Segment::create("blank", LENGTH).unwrap();
        assert!(Log::of(blank).is_err());
    }
}
