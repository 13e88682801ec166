//! Mutual exclusion: the main mutex of an object, and the words beside it. `Lock` and all that needs one stand on this.
//!
//! Invariant: the words are written by the owner of the mutex alone, so they are relaxed; whoever reads one without owning
//! the mutex takes it for a hint. The steps, and what a death at each leaves, are in `README.md` beside this file.
//!
//! | offset | word | bits |
//! | --- | --- | --- |
//! | 60 | `DEAD_PID` | the process that died with it, while `DIED` |
//! | 64 | mutex | glibc's |
//! | 112 | `STATE` | 0: `DIED`, an owner has died and nobody has said yet that all is well; 1 to 31: levels that the owner holds |
//! | 116 | `HINT` | 0: `HELD`; 1 to 31: the CPU that the last owner was on when it took the mutex |
//! | 120 | `OWNER_PID` | the last owner's process |
//! | 124 | `OWNER_TID` | and its thread |

use std::sync::atomic::Ordering::Relaxed;

use core_process::Until;

use crate::identity;
use crate::pace::{Over, Watch, next_sleep};
use crate::sys::cpu;
use crate::sys::memory::{Got, Memory, Nesting};

const DEAD_PID: usize = 60;
const MUTEX: usize = 64;
const STATE: usize = 112;
const HINT: usize = 116;
const OWNER_PID: usize = 120;
const OWNER_TID: usize = 124;

const DIED: u32 = 1;
const LEVEL: u32 = 2;
const HELD: u32 = 1;

/// How often a waiter looks before it sleeps, if the owner runs on another CPU: some microseconds.
const SPINS: u32 = 200;

/// What the new owner has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// Nothing.
    None,
    /// An owner, the process of this pid, died with it, and nobody has repaired since.
    Died(u32),
}

/// Puts the mutex there.
pub(crate) fn lay_out(memory: &Memory, nesting: Nesting) {
    memory.make_mutex(MUTEX, nesting);
}

/// Takes it if it is free, or held by this thread and of the counting kind.
#[inline]
pub(crate) fn try_take(memory: &Memory) -> Option<News> {
    memory.try_lock(MUTEX).map(|got| owned(memory, got))
}

/// Takes it, however long that lasts.
#[inline]
pub(crate) fn take(memory: &Memory, until: &Until) -> Result<News, Over> {
    match try_take(memory) {
        Some(news) => Ok(news),
        None => take_contended(memory, until),
    }
}

#[cold]
fn take_contended(memory: &Memory, until: &Until) -> Result<News, Over> {
    if let Some(news) = spin(memory) {
        return Ok(news);
    }
    loop {
        let longest = next_sleep(until, Watch::Wakes)?;
        // Bounded although the kernel wakes a waiter for a dead owner: a waiter that dies when it has been woken, while a
        // third one has taken the mutex without sleeping, takes the wake-up of the others with it.
        if let Some(got) = memory.lock_within(MUTEX, longest) {
            return Ok(owned(memory, got));
        }
    }
}

/// Looks again for some microseconds, if the owner can release meanwhile: it runs elsewhere.
fn spin(memory: &Memory) -> Option<News> {
    let here = cpu::current();
    for _ in 0..SPINS {
        let hint = memory.word(HINT).load(Relaxed);
        if hint & HELD == 0 {
            return try_take(memory);
        }
        if hint >> 1 == here & (u32::MAX >> 1) {
            return None;
        }
        cpu::relax();
    }
    None
}

/// The first thing that an owner does.
#[inline]
fn owned(memory: &Memory, got: Got) -> News {
    let state = memory.word(STATE);
    if got == Got::FromTheDead {
        inherit(memory);
    }
    memory.note_held();
    let before = state.load(Relaxed);
    let news = if before & DIED == 0 {
        News::None
    } else {
        News::Died(memory.word(DEAD_PID).load(Relaxed))
    };
    state.store(before + LEVEL, Relaxed);
    if before < LEVEL {
        memory.word(HINT).store(cpu::current() << 1 | HELD, Relaxed);
        memory.word(OWNER_PID).store(identity::pid(), Relaxed);
        memory.word(OWNER_TID).store(identity::tid(), Relaxed);
    }
    news
}

#[cold]
fn inherit(memory: &Memory) {
    // The mark first: who dies before the next line leaves the mutex as it was, and after it the mark is there.
    memory
        .word(DEAD_PID)
        .store(memory.word(OWNER_PID).load(Relaxed), Relaxed);
    memory.word(STATE).store(DIED, Relaxed);
    memory.make_consistent(MUTEX);
}

/// Whether a dead owner's news is still to be dealt with; by the owner.
pub(crate) fn has_news(memory: &Memory) -> bool {
    memory.word(STATE).load(Relaxed) & DIED != 0
}

/// Says that what the dead owner left is whole again; by the owner.
pub(crate) fn repaired(memory: &Memory) {
    let state = memory.word(STATE);
    state.store(state.load(Relaxed) & !DIED, Relaxed);
}

/// Gives one level back; by the owner.
#[inline]
pub(crate) fn release(memory: &Memory) {
    // In a child that was forked while it was held: the copy of a guard owns nothing.
    if !is_mine(memory) {
        return;
    }
    let state = memory.word(STATE);
    let left = state.load(Relaxed).wrapping_sub(LEVEL);
    state.store(left, Relaxed);
    if left < LEVEL {
        let hint = memory.word(HINT);
        hint.store(hint.load(Relaxed) & !HELD, Relaxed);
        memory.word(OWNER_TID).store(0, Relaxed);
    }
    memory.note_released();
    memory.unlock(MUTEX);
}

/// Whether the calling thread is the owner.
#[inline]
pub(crate) fn is_mine(memory: &Memory) -> bool {
    memory.word(OWNER_TID).load(Relaxed) == identity::tid()
}

/// Levels that the owner holds; by the owner.
pub(crate) fn depth(memory: &Memory) -> u32 {
    memory.word(STATE).load(Relaxed) / LEVEL
}

/// Whether somebody holds it, or has died with it. A hint.
pub(crate) fn is_held(memory: &Memory) -> bool {
    memory.word(HINT).load(Relaxed) & HELD != 0
}

/// The owner's process and thread, if there is one. A hint.
pub(crate) fn owner(memory: &Memory) -> Option<(u32, u32)> {
    is_held(memory).then(|| {
        (
            memory.word(OWNER_PID).load(Relaxed),
            memory.word(OWNER_TID).load(Relaxed),
        )
    })
}
