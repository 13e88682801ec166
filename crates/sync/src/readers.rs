//! The protocol of a read-write lock: many readers, or one writer.
//!
//! Invariant: who writes holds the exclusion and nobody reads; who reads is in the ledger. A reader enters through the exclusion,
//! so none comes while a writer writes or waits, and leaves without it. The steps, and what a death at each leaves, are in
//! `README.md` beside this file.
//!
//! | offset | word | bits |
//! | --- | --- | --- |
//! | 128 | `LEFT` | 0: a writer may sleep; 1 to 31: how many readers have left |
//! | 132 | `WRITING` | 1 while somebody writes, or has died writing and nobody has repaired |
//!
//! A slot's `COUNT` is how many threads of the process read.

use std::sync::atomic::Ordering::{AcqRel, Relaxed};

use core_process::Until;

use crate::exclusion::{self, News};
use crate::ledger::{self, Slot};
use crate::pace::{Over, Watch, next_sleep};
use crate::sys::futex;
use crate::sys::memory::{Memory, Nesting};

const LEFT: usize = 128;
const WRITING: usize = 132;

const SLEEPS: u32 = 1;
const ONE: u32 = 2;

/// Nobody reads or writes.
pub(crate) fn lay_out(memory: &Memory) {
    exclusion::lay_out(memory, Nesting::Refused);
}

/// Reads if nobody writes or waits to write; `slot` gives the process's slot, under the exclusion.
pub(crate) fn try_read<'a, E>(
    memory: &Memory,
    slot: impl FnOnce() -> Result<Slot<'a>, E>,
) -> Option<Result<News, E>> {
    exclusion::try_take(memory).map(|news| reading(memory, slot, news))
}

/// Waits until nobody writes or waits to write, and reads.
pub(crate) fn read<'a, E: From<Over>>(
    memory: &Memory,
    slot: impl FnOnce() -> Result<Slot<'a>, E>,
    until: &Until,
) -> Result<News, E> {
    let news = exclusion::take(memory, until)?;
    reading(memory, slot, news)
}

/// Ends a read.
pub(crate) fn end_read(memory: &Memory, slot: Slot<'_>) {
    slot.take_one();
    let left = memory.word(LEFT);
    // AcqRel: see `write`.
    if left.fetch_add(ONE, AcqRel) & SLEEPS != 0 {
        // One writer at most sleeps here: it holds the exclusion.
        left.fetch_and(!SLEEPS, Relaxed);
        futex::wake_all(left);
    }
}

/// Writes if nobody reads or writes: keeps the exclusion.
pub(crate) fn try_write(memory: &Memory) -> Option<News> {
    let news = judged(memory, exclusion::try_take(memory)?);
    if readers(memory) > 0 {
        exclusion::release(memory);
        return None;
    }
    memory.word(WRITING).store(1, Relaxed);
    Some(news)
}

/// Waits until nobody reads or writes, and writes: keeps the exclusion.
pub(crate) fn write(memory: &Memory, until: &Until) -> Result<News, Over> {
    let word = memory.word(LEFT);
    let news = judged(memory, exclusion::take(memory, until)?);
    while readers(memory) > 0 {
        // AcqRel, here and in `end_read`: of the two changes of `LEFT` one comes first. If it is this one, the reader sees
        // the mark and wakes; if it is the reader's, the count that it took down before is seen by the next line.
        let left = word.fetch_or(SLEEPS, AcqRel) | SLEEPS;
        if readers(memory) == 0 {
            break;
        }
        match next_sleep(until, Watch::Deaths) {
            Ok(longest) => futex::sleep(word, left, longest),
            Err(over) => {
                exclusion::release(memory);
                return Err(over);
            }
        }
    }
    memory.word(WRITING).store(1, Relaxed);
    Ok(news)
}

/// Ends a write.
pub(crate) fn end_write(memory: &Memory) {
    if exclusion::is_mine(memory) && !exclusion::has_news(memory) {
        memory.word(WRITING).store(0, Relaxed);
    }
    exclusion::release(memory);
}

/// Counts a reader in, and leaves the exclusion.
fn reading<'a, E>(
    memory: &Memory,
    slot: impl FnOnce() -> Result<Slot<'a>, E>,
    news: News,
) -> Result<News, E> {
    let news = judged(memory, news);
    let counted = slot().map(|slot| slot.add_one());
    exclusion::release(memory);
    counted.map(|()| news)
}

/// The death of one who was not writing, but entering, is no news. Under the exclusion.
fn judged(memory: &Memory, news: News) -> News {
    if news != News::None && memory.word(WRITING).load(Relaxed) == 0 {
        exclusion::repaired(memory);
        return News::None;
    }
    news
}

/// How many read, without the dead. Under the exclusion.
fn readers(memory: &Memory) -> u32 {
    ledger::bury(memory, |_| {});
    ledger::sum(memory)
}
