//! Mutual exclusion: the main mutex of an object, and the words beside it. `Lock` and all that needs one stand on this.
//!
//! Invariant: the words are written by the owner of the mutex alone, so they are relaxed; whoever reads one without owning
//! the mutex takes it for a hint. The steps, and what a death at each leaves, are in `README.md` beside this file.
//!
//! | offset | word | bits |
//! | --- | --- | --- |
//! | 60 | `DEAD_PID` | the process that died with it, while `DIED` |
//! | 64 | mutex | glibc's |
//! | 112 | `STATE` | 0: `DIED`, an owner has died and nobody has said yet that all is well; 1 to 31: levels that the owner holds above the first |
//! | 116 | `HINT` | the CPU that the last owner was on when it took the mutex |
//! | 120 | `OWNER_PID` | the last owner's process |
//! | 124 | `OWNER_TID` | and its thread; 0 when it has released it |

use std::sync::atomic::Ordering::Relaxed;

use core_process::Until;

use crate::identity;
use crate::pace::{Over, Watch, next_sleep};
use crate::sys::cpu;
use crate::sys::memory::{Got, Memory, Nesting};

const DEAD_PID: usize = 60;
const MUTEX: usize = 64;
const STATE: usize = 112;
pub(crate) const HINT: usize = 116;
const OWNER_PID: usize = 120;
const OWNER_TID: usize = 124;

const DIED: u32 = 1;
const LEVEL: u32 = 2;

/// How long it stays away before its first look, in turns of the CPU's waiting instruction; twice as long before each next one. A look
/// takes the owner's cache line away, and costs it more than the lock itself.
const PAUSE: u32 = 2;

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
    cpu::sleeps();
    let here = cpu::current();
    let mut pause = PAUSE;
    for _ in 0..cpu::LOOKS {
        if is_held(memory) && memory.word(HINT).load(Relaxed) == here {
            return None;
        }
        for _ in 0..pause {
            cpu::relax();
        }
        pause *= 2;
        if !is_held(memory)
            && let Some(news) = try_take(memory)
        {
            return Some(news);
        }
    }
    None
}

/// The first thing that an owner does.
#[inline]
fn owned(memory: &Memory, got: Got) -> News {
    if got == Got::FromTheDead {
        inherit(memory);
    }
    let (pid, tid) = identity::me();
    let state = memory.word(STATE);
    let before = state.load(Relaxed);
    if memory.word(OWNER_TID).load(Relaxed) == tid {
        state.store(before + LEVEL, Relaxed);
    } else {
        memory.word(HINT).store(cpu::recent(), Relaxed);
        memory.word(OWNER_PID).store(pid, Relaxed);
        memory.word(OWNER_TID).store(tid, Relaxed);
    }
    if before & DIED == 0 {
        News::None
    } else {
        News::Died(memory.word(DEAD_PID).load(Relaxed))
    }
}

#[cold]
fn inherit(memory: &Memory) {
    // The mark first: who dies before the next line leaves the mutex as it was, and after it the mark is there.
    memory
        .word(DEAD_PID)
        .store(memory.word(OWNER_PID).load(Relaxed), Relaxed);
    memory.word(STATE).store(DIED, Relaxed);
    // Its number may be this thread's by now.
    memory.word(OWNER_TID).store(0, Relaxed);
    memory.make_consistent(MUTEX);
}

/// Whether a dead owner's news is still to be dealt with; by the owner.
pub(crate) fn has_news(memory: &Memory) -> bool {
    memory.word(STATE).load(Relaxed) & DIED != 0
}

/// Says that a process has died with what the lock protects, though not with the lock; by the owner.
#[allow(dead_code, reason = "the models of the protocols have no parts")]
pub(crate) fn tell_died(memory: &Memory, pid: u32) {
    memory.word(DEAD_PID).store(pid, Relaxed);
    let state = memory.word(STATE);
    state.store(state.load(Relaxed) | DIED, Relaxed);
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
    let levels = state.load(Relaxed);
    if levels < LEVEL {
        memory.word(OWNER_TID).store(0, Relaxed);
    } else {
        state.store(levels - LEVEL, Relaxed);
    }
    memory.unlock(MUTEX);
}

/// Whether the calling thread is the owner.
#[inline]
pub(crate) fn is_mine(memory: &Memory) -> bool {
    memory.word(OWNER_TID).load(Relaxed) == identity::tid()
}

/// Levels that the owner holds; by the owner.
pub(crate) fn depth(memory: &Memory) -> u32 {
    memory.word(STATE).load(Relaxed) / LEVEL + 1
}

/// Whether somebody holds it, or has died with it. A hint.
pub(crate) fn is_held(memory: &Memory) -> bool {
    memory.word(OWNER_TID).load(Relaxed) != 0
}

/// Whether a thread of this process holds it, or has ended with it and nobody has taken it since. For who has the last handle of this
/// process: nobody here takes or releases it meanwhile.
pub(crate) fn is_held_here(memory: &Memory) -> bool {
    is_held(memory) && memory.word(OWNER_PID).load(Relaxed) == identity::pid()
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
