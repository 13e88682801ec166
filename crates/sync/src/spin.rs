//! Looking again for some microseconds before a sleep, if that can help: who is waited for was last seen on another CPU.
//!
//! Across two CPUs a sleep and its wake-up take fifty times as long as a hand-over to somebody who looks. On one CPU looking only keeps
//! the other from coming. So whoever gives something away says in words of the object on which CPU it is, and a waiter looks at those.
//! Invariant: the words are hints. A wrong one costs some microseconds, or a sleep; it decides nothing.
//!
//! | offset from the first | word | what |
//! | --- | --- | --- |
//! | 0 | `CPU` | the CPU of the last to give, plus one; 0: nobody has |
//! | 4 | `THREAD` | the last to give |
//! | 8 | `OTHER` | the CPU, plus one, of the last who was another thread than `THREAD`: whom that one waits for, if it waits next |

use std::sync::atomic::Ordering::Relaxed;

use crate::identity;
use crate::sys::cpu;
use crate::sys::memory::{Memory, Word};

const CPU: usize = 0;
const THREAD: usize = 4;
const OTHER: usize = 8;

/// How often a waiter looks before it sleeps: about five microseconds, a tenth of what a sleep and a wake-up across two CPUs take.
const LOOKS: u32 = 200;

/// Says where somebody is who is about to give what others wait for, and gives for ever without waiting itself: `CPU` alone.
#[inline]
pub(crate) fn giver_is_here(cpu: &Word) {
    store_if_new(cpu, cpu::recent().wrapping_add(1));
}

/// Says where somebody is who gives, and may be the next to wait.
#[inline]
pub(crate) fn seen_here(memory: &Memory, first: usize) {
    let thread = identity::tid();
    let last = memory.word(first + THREAD);
    if last.load(Relaxed) != thread {
        memory
            .word(first + OTHER)
            .store(memory.word(first + CPU).load(Relaxed), Relaxed);
        last.store(thread, Relaxed);
    }
    giver_is_here(memory.word(first + CPU));
}

/// Looks until it `has_come`, for some microseconds. Looks not even once if the last to give, other than this thread, was on this CPU.
#[inline]
pub(crate) fn look_again(memory: &Memory, first: usize, has_come: impl Fn() -> bool) {
    let is_mine = memory.word(first + THREAD).load(Relaxed) == identity::tid();
    let peer = if is_mine { OTHER } else { CPU };
    look_for(memory.word(first + peer), has_come);
}

/// As [`look_again`], where a giver does not wait: `CPU` alone.
#[inline]
pub(crate) fn look_for(cpu: &Word, has_come: impl Fn() -> bool) {
    let peer = cpu.load(Relaxed);
    if peer == 0 || peer == cpu::current().wrapping_add(1) {
        return;
    }
    for _ in 0..LOOKS {
        if has_come() {
            return;
        }
        cpu::relax();
    }
}

/// A store would take the cache line from who looks, and most of the time the value is there already.
#[inline]
fn store_if_new(word: &Word, value: u32) {
    if word.load(Relaxed) != value {
        word.store(value, Relaxed);
    }
}
