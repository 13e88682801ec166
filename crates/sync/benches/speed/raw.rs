//! The limits: a robust mutex, a futex and a spinning word with nothing around them.
#![allow(unsafe_code, reason = "POSIX mutexes as bare as they come")]

use std::mem::MaybeUninit;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use rustix::thread::futex::{self, Flags, Timespec};

use crate::table::{Board, Word};

/// A raw robust mutex between processes.
#[derive(Clone, Copy)]
pub(crate) struct Mutex(*mut libc::pthread_mutex_t);

impl Mutex {
    pub(crate) fn of(board: &Board) -> Self {
        Self(board.line(Word::Mutex).cast())
    }

    /// Makes it; once, before anybody uses it.
    pub(crate) fn make(self) {
        let mut attributes = MaybeUninit::<libc::pthread_mutexattr_t>::uninit();
        let attributes = attributes.as_mut_ptr();
        // SAFETY: memory for the attributes.
        unsafe { libc::pthread_mutexattr_init(attributes) };
        // SAFETY: the attributes were initialised.
        unsafe { libc::pthread_mutexattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED) };
        // SAFETY: as above.
        unsafe { libc::pthread_mutexattr_setrobust(attributes, libc::PTHREAD_MUTEX_ROBUST) };
        // SAFETY: a line of the board's mapping, which lives as long as the process, and that nobody uses yet.
        let made = unsafe { libc::pthread_mutex_init(self.0, attributes) };
        assert_eq!(made, 0);
    }

    #[inline]
    pub(crate) fn lock(self) {
        // SAFETY: `make` was called before the guest was invited.
        let code = unsafe { libc::pthread_mutex_lock(self.0) };
        assert_eq!(code, 0);
    }

    #[inline]
    pub(crate) fn unlock(self) {
        // SAFETY: as in `lock`.
        let code = unsafe { libc::pthread_mutex_unlock(self.0) };
        assert_eq!(code, 0);
    }
}

/// Sleeps until the word is no longer `while_it_is`.
pub(crate) fn sleep_while(word: &AtomicU32, while_it_is: u32) {
    while word.load(Acquire) == while_it_is {
        let _ = futex::wait(word, Flags::empty(), while_it_is, None);
    }
}

/// The same, looking again after 200 ms: what a sleep costs that must not rely on a wake-up.
pub(crate) fn sleep_bounded_while(word: &AtomicU32, while_it_is: u32) {
    let longest = Timespec {
        tv_sec: 0,
        tv_nsec: 200_000_000,
    };
    while word.load(Acquire) == while_it_is {
        let _ = futex::wait(word, Flags::empty(), while_it_is, Some(&longest));
    }
}

/// Stores, and wakes who sleeps there.
pub(crate) fn store_and_wake(word: &AtomicU32, value: u32) {
    word.store(value, Release);
    let _ = futex::wake(word, Flags::empty(), 1);
}

/// Looks until the word is no longer `while_it_is`.
pub(crate) fn spin_while(word: &AtomicU32, while_it_is: u32) {
    while word.load(Acquire) == while_it_is {
        std::hint::spin_loop();
    }
}

/// A barrier of two, of two words.
pub(crate) fn meet(board: &Board, wait: fn(&AtomicU32, u32), open: fn(&AtomicU32, u32)) {
    let round = board.word(Word::Turn);
    let come = board.word(Word::Come);
    let number = round.load(Acquire);
    if come.fetch_add(1, AcqRel) == 1 {
        come.store(0, Relaxed);
        open(round, number.wrapping_add(1));
    } else {
        wait(round, number);
    }
}

/// Opens a round for somebody who spins.
pub(crate) fn store(word: &AtomicU32, value: u32) {
    word.store(value, Release);
}
