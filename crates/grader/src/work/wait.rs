//! The one wait of all primitives: on a shared word, until something has happened or cannot happen any more.
//!
//! # A waiter's steps, and if it dies here
//! 1. It takes a ticket and a slot, and writes there which word it waits on and the value that it waits out. Dies: the slot
//!    names a thread that is gone; whoever looks at the slots skips it.
//! 2. It sleeps on the word (a shared futex), at most [`PACE`] at a time, and looks again.
//! 3. If it holds the smallest ticket of all that wait, it also watches the others (`quiet`). One at a time gives up, so that
//!    the one that goes on may still set the next one free.
//!
//! A waiter whose word has changed counts as moving, even if the scheduler has not let it run yet: nobody gives up on it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::thread::futex;

use super::quiet::{Motion, Others};
use crate::journal::cells::Cell;
use crate::journal::log::{self, Log, WAITER_SLOTS};

/// How long a waiter sleeps at most before it looks again.
pub(crate) const PACE: Duration = Duration::from_millis(5);

/// A wait is ended as [`Ended::Undecided`] after this; no verdict is built on that.
const AT_MOST: Duration = Duration::from_secs(20);

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// What was waited for has happened.
    Happened,
    /// It cannot happen any more.
    Impossible,
    /// Nobody knows: others still moved when the time was up.
    Undecided,
}

impl Ended {
    /// As the value of an event.
    pub(crate) fn as_value(self) -> i64 {
        match self {
            Ended::Happened => 1,
            Ended::Impossible => 0,
            Ended::Undecided => -1,
        }
    }
}

/// Waits while `word` of `cell` is `unchanged` and `happened` is false.
pub(crate) fn until(cell: &Cell, word: usize, unchanged: u32, happened: impl Fn() -> bool) -> Ended {
    if happened() {
        return Ended::Happened;
    }
    let Some(log) = log::attached() else {
        return Ended::Impossible;
    };
    let ticket = Ticket::take(log, cell.word_offset(word), unchanged);
    let futex = cell.word(word);
    let mut others = Others::of_this_thread(log);
    let begun = Instant::now();
    loop {
        sleep_on(futex, unchanged);
        if happened() {
            return Ended::Happened;
        }
        if begun.elapsed() > AT_MOST {
            return Ended::Undecided;
        }
        if !ticket.is_first() {
            continue;
        }
        if others.look() == Motion::None {
            // What happened while we looked has the last word.
            return if happened() {
                Ended::Happened
            } else {
                Ended::Impossible
            };
        }
    }
}

/// Wakes all that sleep on `word`, in whatever process.
pub(crate) fn wake_all(word: &AtomicU32) {
    // An error would be a word outside of memory; a sleeper looks again by itself.
    let _ = futex::wake(word, futex::Flags::empty(), u32::MAX >> 1);
}

fn sleep_on(word: &AtomicU32, unchanged: u32) {
    let pace = rustix::thread::Timespec {
        tv_sec: 0,
        tv_nsec: i64::from(PACE.subsec_nanos()),
    };
    // A changed word, a signal and the end of the pace all mean: look again.
    let _ = futex::wait(word, futex::Flags::empty(), unchanged, Some(&pace));
}

/// A place in the line of waiting threads.
struct Ticket {
    log: &'static Log,
    slot: Option<usize>,
    number: u64,
}

impl Ticket {
    fn take(log: &'static Log, offset: usize, unchanged: u32) -> Ticket {
        let number = log.tickets().fetch_add(1, Ordering::Relaxed) + 1;
        let me = this_thread();
        let claimed = |slot: &usize| {
            // Acquire: pairs with the Release in `drop` of the slot's last owner.
            log.waiter(*slot, 0)
                .compare_exchange(0, me, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
        };
        let slot = (0..WAITER_SLOTS).find(claimed);
        if let Some(slot) = slot {
            log.waiter(slot, 2)
                .store(offset as u64 | u64::from(unchanged) << 32, Ordering::Relaxed);
            // Release: pairs with the Acquire in `waiting`.
            log.waiter(slot, 1).store(number, Ordering::Release);
        }
        Ticket { log, slot, number }
    }

    /// Whether no living thread that still waits has an earlier ticket.
    fn is_first(&self) -> bool {
        waiting(self.log)
            .into_iter()
            .all(|waiter| waiter.ticket >= self.number || !waiter.lives())
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            self.log.waiter(slot, 1).store(0, Ordering::Relaxed);
            // Release: pairs with the Acquire in `take`.
            self.log.waiter(slot, 0).store(0, Ordering::Release);
        }
    }
}

/// A thread that waits in a primitive, for a word that has not changed.
pub(crate) struct Waiter {
    pub(crate) pid: u32,
    pub(crate) tid: u32,
    ticket: u64,
}

impl Waiter {
    fn lives(&self) -> bool {
        std::fs::exists(format!("/proc/{}/task/{}", self.pid, self.tid)).unwrap_or(false)
    }
}

/// The threads that wait.
pub(crate) fn waiting(log: &Log) -> Vec<Waiter> {
    (0..WAITER_SLOTS)
        .filter_map(|slot| {
            // Acquire: pairs with the Release in `take`.
            let ticket = log.waiter(slot, 1).load(Ordering::Acquire);
            let who = log.waiter(slot, 0).load(Ordering::Relaxed);
            let what = log.waiter(slot, 2).load(Ordering::Relaxed);
            let still = ticket != 0
                && who != 0
                && log.word_at(what as u32 as usize).load(Ordering::Relaxed) == (what >> 32) as u32;
            still.then_some(Waiter {
                pid: who as u32,
                tid: (who >> 32) as u32,
                ticket,
            })
        })
        .collect()
}

fn this_thread() -> u64 {
    u64::from(std::process::id()) | u64::from(rustix::thread::gettid().as_raw_nonzero().get() as u32) << 32
}
