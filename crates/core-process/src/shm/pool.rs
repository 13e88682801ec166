//! `Pool`: segments that are used again, since the first touch of each page of a new one costs more than all the rest.
//!
//! Invariant: a segment that was lent is written to again only after its borrower has said, in the segment itself, that it is done with
//! the loan that is out (the word `TURN`). Who dies with one says nothing: that segment is never used again, and its memory goes with the
//! last process that has it. What a borrower can do with a segment that it has given back is to look at, or spoil, what is put there
//! later; so a pool serves one circle of processes, of which each may read all that is sent in it anyway.
//!
//! | offset | word | what |
//! | --- | --- | --- |
//! | 0 | `MAGIC` | |
//! | 8 | `NUMBER` | drawn by chance when it is made: the same segment, whichever descriptor it comes by |
//! | 16 | `TURN` | odd: lent, for the (n/2 + 1)th time; even: with its pool |
//! | 64 | | the bytes |

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::Segment;
use super::loan::{Borrowed, Loan};
use crate::handle::lock;
use crate::sys::memfd;

const MAGIC: usize = 0;
const NUMBER: usize = 8;
pub(super) const TURN: usize = 16;
pub(super) const BYTES: usize = 64;

const MARK: u64 = u64::from_le_bytes(*b"corepool");

/// The least that a segment is made for: below it, what is saved is less than what it costs to keep one.
const SMALLEST: usize = 64 << 10;

/// What was not used for so long is not kept any more, as soon as something is sent or received.
const FORGOTTEN: Duration = Duration::from_secs(5);

/// How much a [`Pool`] keeps: of the segments that it has made, and as much again of those that it has received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Most segments; each costs a descriptor.
    pub segments: usize,
    /// Most bytes of all of them together.
    pub bytes: usize,
}

impl Default for Bounds {
    /// 8 segments, 64 MiB.
    fn default() -> Self {
        Self {
            segments: 8,
            bytes: 64 << 20,
        }
    }
}

/// Segments for large messages, used again and again.
///
/// A new segment costs 0.7 ms a megabyte before the first byte is in it (the kernel clears each page when it is first touched); one that
/// has been used costs nothing. The sender takes a [`Loan`], writes, and sends its descriptor; the receiver hands the descriptor to a pool
/// of its own and gets a [`Borrowed`], which it reads and drops: from then on the sender's pool may use the segment again.
///
/// # Who shares a pool
/// One pool belongs to one circle of processes: the two ends of a pipe, the users of a queue. A borrower keeps its mapping, so it can see
/// what is written there later, and a hostile one can write there: copy, then check, as with every memory that is shared.
/// Between circles nothing is used again, so nothing leaks and nothing has to be cleared. A forked child begins with an empty pool.
///
/// # If it dies here
/// A borrower that is killed with a segment has not given it back: the pool forgets it, at the latest when its bounds are reached, and the memory goes
/// with the last process that has it. A sender that is killed leaves nothing: segments have no names.
///
/// ```
/// use core_process::shm::{Bounds, Pool};
///
/// let (sender, receiver) = (Pool::new(Bounds::default()), Pool::new(Bounds::default()));
/// for text in ["one", "two"] {
///     let loan = sender.take(text.len())?; // the second time it is the same memory
///     loan.write_bytes(0, text.as_bytes());
///     let descriptor = loan.lend()?; // travels beside the message that says how many bytes it is
///
///     let borrowed = receiver.receive(descriptor, text.len())?;
///     assert_eq!(borrowed.read_bytes(0, text.len()), text.as_bytes());
/// } // dropped: given back
/// assert_eq!(sender.made(), 1);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Pool {
    shelves: Arc<Mutex<Shelves>>,
    bounds: Bounds,
    /// Whether anything may be kept.
    is_used: AtomicBool,
}

/// What is kept.
#[derive(Debug, Default)]
pub(super) struct Shelves {
    /// The process that this was written by; a forked child finds its parent's and begins anew.
    pid: u32,
    /// Made here: with the pool, or lent. The oldest first.
    pub(super) own: VecDeque<Arc<Kept>>,
    /// Made elsewhere, and mapped here. The one that was not used for longest first.
    seen: VecDeque<Arc<Kept>>,
    made: u64,
}

impl Shelves {
    /// Drops what nobody has used for long. What is lent is only not used again then.
    fn forget(&mut self, now: Instant) {
        for shelf in [&mut self.own, &mut self.seen] {
            while shelf.front().is_some_and(|kept| kept.is_forgotten(now)) {
                shelf.pop_front();
            }
        }
    }
}

#[derive(Debug)]
pub(super) struct Kept {
    pub(super) segment: Segment,
    number: u64,
    /// When it came to its shelf.
    used: Mutex<Instant>,
}

impl Kept {
    fn new(segment: Segment, number: u64) -> Self {
        Self {
            segment,
            number,
            used: Mutex::new(Instant::now()),
        }
    }

    fn is_forgotten(&self, now: Instant) -> bool {
        now.saturating_duration_since(*lock(&self.used)) > FORGOTTEN
    }

    pub(super) fn turn(&self) -> u64 {
        // Acquire: pairs with the Release in `Borrowed::drop`, so the borrower's last look comes before what is written next.
        self.segment.atomic_u64(TURN).load(Acquire)
    }

    fn room(&self) -> usize {
        self.segment.len() - BYTES
    }
}

impl Pool {
    /// An empty pool.
    pub fn new(bounds: Bounds) -> Self {
        Self {
            shelves: Arc::default(),
            bounds,
            is_used: AtomicBool::new(false),
        }
    }

    /// Most bytes of one message whose segment is kept.
    pub fn longest(&self) -> usize {
        // A segment is up to a quarter larger than its message.
        (self.bounds.bytes / 5 * 4).saturating_sub(BYTES)
    }

    /// Drops what was not used for some seconds. What takes and receives does so, too; so this is for times when neither happens. It costs
    /// nothing where nothing is kept.
    pub fn trim(&self) {
        if self.is_used.load(Relaxed) {
            let is_empty = self.here(|shelves| {
                shelves.forget(Instant::now());
                shelves.own.is_empty() && shelves.seen.is_empty()
            });
            if is_empty {
                self.is_used.store(false, Relaxed);
            }
        }
    }

    /// A segment with room for `len` bytes, used or new. Its bytes are whatever the last message in it has left, or zero.
    ///
    /// # Errors
    /// As [`Segment::create`].
    pub fn take(&self, len: usize) -> io::Result<Loan> {
        match self.take_kept(len) {
            Some(kept) => Ok(self.lend_out(kept, len)),
            None => self.make(len).map(|kept| self.lend_out(Arc::new(kept), len)),
        }
    }

    /// [`take`](Self::take), but where as many as are kept are lent, it waits for one to come back: for as long as making a new one would take, and
    /// at most `longest`. So who lends faster than the others give back waits for them, instead of taking more and more memory.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub fn take_within(&self, len: usize, longest: Duration) -> io::Result<Loan> {
        let began = Instant::now();
        // 0.7 ms a megabyte: what the kernel needs to clear as much.
        let longest = longest.min(Duration::from_nanos((len as u64).saturating_mul(7) / 10));
        // About what a copy takes.
        let pause = Duration::from_nanos(len as u64 / 16).max(Duration::from_micros(20));
        loop {
            if let Some(kept) = self.take_kept(len) {
                return Ok(self.lend_out(kept, len));
            }
            if self.has_room_for(len) || began.elapsed() >= longest {
                return self.take(len);
            }
            std::thread::sleep(pause);
        }
    }

    /// Whether a loan is of this pool.
    pub fn owns(&self, loan: &Loan) -> bool {
        Arc::ptr_eq(&self.shelves, &loan.shelves)
    }

    /// Whether one more could be kept beside all that are.
    fn has_room_for(&self, len: usize) -> bool {
        let whole = len.checked_add(BYTES).and_then(rounded).unwrap_or(usize::MAX);
        self.here(|shelves| {
            let bytes: usize = shelves.own.iter().map(|kept| kept.segment.len()).sum();
            shelves.own.len() < self.bounds.segments && bytes.saturating_add(whole) <= self.bounds.bytes
        })
    }

    fn take_kept(&self, len: usize) -> Option<Arc<Kept>> {
        self.here(|shelves| {
            let fits = |kept: &Arc<Kept>| {
                // Not one of four times the size: it would be missed by who needs it.
                kept.room() >= len && kept.room() / 4 <= len.max(SMALLEST) && kept.turn().is_multiple_of(2)
            };
            // The one that was used last: it is the likeliest to be in a cache, and the others are forgotten if they are not needed.
            let index = shelves.own.iter().rposition(fits)?;
            shelves.own.remove(index)
        })
    }

    fn lend_out(&self, kept: Arc<Kept>, len: usize) -> Loan {
        self.is_used.store(true, Relaxed);
        Loan {
            kept,
            shelves: Arc::clone(&self.shelves),
            bounds: self.bounds,
            pid: process::id(),
            len,
        }
    }

    fn make(&self, len: usize) -> io::Result<Kept> {
        let too_large = || io::Error::from_raw_os_error(libc::EFBIG);
        let whole = len.checked_add(BYTES).and_then(rounded).ok_or_else(too_large)?;
        let segment = Segment::create("pool", whole)?;
        let number = drawn()?;
        segment.populate();
        segment.atomic_u64(NUMBER).store(number, Relaxed);
        segment.atomic_u64(MAGIC).store(MARK, Relaxed);
        self.here(|shelves| shelves.made += 1);
        Ok(Kept::new(segment, number))
    }

    /// Takes the descriptor that came with a message for a segment that was lent, with `len` bytes of message in it. A segment that has come before is
    /// mapped already.
    ///
    /// # Errors
    /// `InvalidData`: it is no such segment, or has no room for `len` bytes, or is not lent at the moment. Otherwise the system's, if
    /// it cannot be mapped.
    pub fn receive(&self, descriptor: OwnedFd, len: usize) -> io::Result<Borrowed> {
        let mut words = [0; TURN];
        memfd::read_exact(descriptor.as_fd(), &mut words).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => not_lent("it is no segment of a pool"),
            _ => error,
        })?;
        let (marks, _) = words.as_chunks::<8>();
        let [mark, number] = [marks[0], marks[1]].map(u64::from_ne_bytes);
        if mark != MARK {
            return Err(not_lent("it is no segment of a pool"));
        }
        let known = self.here(|shelves| {
            let index = shelves.seen.iter().position(|kept| kept.number == number)?;
            shelves.seen.remove(index)
        });
        let kept = match known {
            Some(kept) => kept,
            None => {
                let segment = Segment::open_within(descriptor, u64::MAX)?;
                if segment.len() < BYTES {
                    return Err(not_lent("it has no room for its head"));
                }
                segment.populate();
                Arc::new(Kept::new(segment, number))
            }
        };
        let (turn, room) = (kept.turn(), kept.room());
        self.keep_seen(&kept);
        if room < len {
            return Err(not_lent(&format!(
                "it has room for {room} bytes where {len} are expected"
            )));
        }
        if turn.is_multiple_of(2) {
            return Err(not_lent("nobody has lent it"));
        }
        Ok(Borrowed::lent(kept, turn, len))
    }

    fn keep_seen(&self, kept: &Arc<Kept>) {
        self.is_used.store(true, Relaxed);
        self.here(|shelves| {
            put(&mut shelves.seen, kept, self.bounds, |_| 0);
            shelves.forget(Instant::now());
        });
    }

    /// How many segments it has made so far: the others were used again.
    pub fn made(&self) -> u64 {
        self.here(|shelves| shelves.made)
    }

    /// How many segments it keeps at the moment, its own and those that it has received, and their bytes.
    pub fn kept(&self) -> (usize, usize) {
        self.here(|shelves| {
            let all = || shelves.own.iter().chain(&shelves.seen);
            (all().count(), all().map(|kept| kept.segment.len()).sum())
        })
    }

    fn here<R>(&self, step: impl FnOnce(&mut Shelves) -> R) -> R {
        here(&self.shelves, step)
    }
}

/// The shelves of this process.
pub(super) fn here<R>(shelves: &Mutex<Shelves>, step: impl FnOnce(&mut Shelves) -> R) -> R {
    let mut shelves = lock(shelves);
    let pid = process::id();
    if shelves.pid != pid {
        // The parent goes on with what it has; a copy of its shelf would be a second owner.
        *shelves = Shelves {
            pid,
            ..Shelves::default()
        };
    }
    step(&mut shelves)
}

/// Puts one there, if it fits at all, and makes room for it; `least` says which is missed least.
pub(super) fn put(
    shelf: &mut VecDeque<Arc<Kept>>,
    kept: &Arc<Kept>,
    bounds: Bounds,
    least: impl Fn(&VecDeque<Arc<Kept>>) -> usize,
) {
    if kept.segment.len() > bounds.bytes {
        return;
    }
    *lock(&kept.used) = Instant::now();
    shelf.push_back(Arc::clone(kept));
    while is_above(shelf, bounds) {
        shelf.remove(least(shelf));
    }
}

fn is_above(kept: &VecDeque<Arc<Kept>>, bounds: Bounds) -> bool {
    let bytes: usize = kept.iter().map(|kept| kept.segment.len()).sum();
    kept.len() > bounds.segments || bytes > bounds.bytes
}

/// A number that no other segment has, as far as chance goes.
fn drawn() -> io::Result<u64> {
    let mut bytes = [0; 8];
    // So few bytes are never cut short.
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    Ok(u64::from_ne_bytes(bytes))
}

/// The size of the segment for so many bytes: a step of a quarter, so that sizes that are alike share segments.
fn rounded(len: usize) -> Option<usize> {
    let len = len.max(SMALLEST);
    let step = (len.checked_next_power_of_two()? / 8).max(4096);
    len.checked_next_multiple_of(step)
}

fn not_lent(why: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("the descriptor is not the expected segment of a pool: {why}"),
    )
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (segments, bytes) = self.kept();
        f.debug_struct("Pool")
            .field("segments", &segments)
            .field("bytes", &bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_long_is_forgotten_on_both_sides() {
        let (sender, receiver) = (Pool::new(Bounds::default()), Pool::new(Bounds::default()));
        sender.trim();
        let lent = sender.take(100_000).unwrap().lend().unwrap();
        drop(receiver.receive(lent, 100_000).unwrap());
        for pool in [&sender, &receiver] {
            pool.trim();
            assert_eq!(pool.kept().0, 1);
            pool.here(|shelves| shelves.forget(Instant::now() + FORGOTTEN * 2));
            assert_eq!(pool.kept().0, 0);
            assert!(pool.is_used.load(Relaxed));
            pool.trim();
            assert!(!pool.is_used.load(Relaxed));
        }
    }
}
