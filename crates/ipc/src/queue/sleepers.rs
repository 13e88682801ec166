//! A word on which processes sleep until another one has changed something.
//!
//! Who sleeps marks the word, looks once more, and sleeps while the word is what it wrote; who has changed something looks at the
//! word and wakes one, if there is a mark. Both have a fence between their two steps, so one of them sees the other.
//! Invariant: no sleep is without end: a wake-up can be lost with its sender, and nobody wakes a process for the death of
//! another one. Sleepers are in the kernel's list and in no memory, so one that dies leaves at most a mark, which costs the next
//! change a system call and is taken away then.
//!
//! | bits | what |
//! | --- | --- |
//! | 0 | `MARK`: somebody may sleep |
//! | 1 to 31 | how often somebody went to sleep: so a mark is not taken away from one who has just come |

use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Duration;

use core_process::{Until, WaitError};

use super::beneath::{AtomicU32, fence, fence_after_a_release, sleep_while, wake};

const MARK: u32 = 1;
const ENTRY: u32 = 2;

/// The first sleep, after which a sleeper asks whether the other side is still there: that is a system call, and in most cases
/// something comes before. Also the longest one of a wait with a stop token, which cannot be slept on together with a word. Not
/// shorter: a timer that is the next one of its CPU to go off has to be set in the CPU, which costs more than the sleep.
pub(crate) const WATCHFUL: Duration = Duration::from_millis(20);

/// The longest one: so late may be seen, after a long wait, that the other side was killed, or that a wake-up was lost.
const LONGEST: Duration = Duration::from_secs(1);

/// The sleeps of one wait, each longer by a quarter than the one before. So what nobody wakes for is seen after a fifth of the
/// time that was waited, and a wait that lasts looks once a second.
#[derive(Debug)]
pub(crate) struct Sleeps {
    next: Duration,
    is_first: bool,
}

impl Sleeps {
    pub(crate) fn new() -> Self {
        Self {
            next: WATCHFUL,
            is_first: true,
        }
    }

    /// Whether to ask for the other side before the next sleep: not before the first one, unless it cannot be.
    pub(crate) fn are_to_ask(&self, until: &Until) -> bool {
        !self.is_first || next_sleep(until, WATCHFUL).is_err()
    }

    /// How long to sleep before the next look.
    ///
    /// # Errors
    /// The wait is over: its token was stopped, or its deadline has passed.
    pub(crate) fn next(&mut self, until: &Until) -> Result<Duration, WaitError> {
        let sleep = next_sleep(until, self.next)?;
        self.is_first = false;
        self.next = (self.next + self.next / 4).min(LONGEST);
        Ok(sleep)
    }
}

fn next_sleep(until: &Until, longest: Duration) -> Result<Duration, WaitError> {
    let longest = match until.token() {
        Some(token) if token.is_stopped() => return Err(WaitError::Stopped),
        Some(_) => longest.min(WATCHFUL),
        None => longest,
    };
    match until.remaining() {
        Some(Duration::ZERO) => Err(WaitError::TimedOut),
        Some(left) => Ok(longest.min(left)),
        None => Ok(longest),
    }
}

/// Sleeps until somebody wakes, unless `is_there` says that there is no need to; at most for `longest`, and perhaps shorter.
pub(crate) fn sleep(word: &AtomicU32, longest: Duration, is_there: impl FnOnce() -> bool) {
    let mut before = word.load(Relaxed);
    let marked = loop {
        let marked = before.wrapping_add(ENTRY) | MARK;
        // Relaxed: the word carries no data; the fence orders it.
        match word.compare_exchange_weak(before, marked, Relaxed, Relaxed) {
            Ok(_) => break marked,
            Err(other) => before = other,
        }
    };
    // Pairs with the fence in `wake_one`: either `is_there` sees the change, or the one who made it sees the mark.
    fence(SeqCst);
    if is_there() {
        return;
    }
    sleep_while(word, marked, longest);
}

/// Wakes one, if somebody may sleep; after a change that others wait for, and after the lock was left under which it was made.
#[inline]
pub(crate) fn wake_one(word: &AtomicU32) {
    // Pairs with the fence in `sleep`.
    fence_after_a_release();
    let seen = word.load(Relaxed);
    if seen & MARK != 0 {
        wake_marked(word, seen);
    }
}

#[cold]
fn wake_marked(word: &AtomicU32, seen: u32) {
    if wake(word, 1) != 0 {
        return;
    }
    // The mark was a dead or impatient sleeper's; or it is one's who has looked, before the change, and is on the way to its sleep. It finds
    // the word changed, or was asleep before that, and is woken now.
    let unmarked = word.compare_exchange(seen, seen & !MARK, Relaxed, Relaxed);
    if unmarked.is_ok() {
        wake(word, i32::MAX);
    }
}

/// Wakes all, for a change that concerns all.
pub(crate) fn wake_all(word: &AtomicU32) {
    // As in `wake_one`; the word is changed, too, so that who is about to sleep does not.
    word.fetch_add(ENTRY, SeqCst);
    wake(word, i32::MAX);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;
    use std::thread;

    #[test]
    fn a_change_is_never_slept_through() {
        for _ in 0..200 {
            let (word, changed) = (AtomicU32::new(0), AtomicBool::new(false));
            thread::scope(|scope| {
                scope.spawn(|| {
                    while !changed.load(Relaxed) {
                        // So long that a lost wake-up would be seen by whoever runs the test.
                        sleep(&word, Duration::from_secs(60), || changed.load(Relaxed));
                    }
                });
                // An exchange, as the release of a lock is.
                changed.swap(true, SeqCst);
                wake_one(&word);
            });
        }
    }

    #[test]
    fn a_mark_that_nobody_has_is_taken_away_once() {
        let word = AtomicU32::new(0);
        sleep(&word, Duration::from_millis(1), || false);
        assert_eq!(word.load(Relaxed) & MARK, MARK);
        wake_one(&word);
        assert_eq!(word.load(Relaxed) & MARK, 0);
    }

    #[test]
    fn a_sleep_ends_with_its_wait_and_a_long_wait_looks_once_a_second() {
        let mut sleeps = Sleeps::new();
        let forever = Until::forever();
        assert!(!sleeps.are_to_ask(&forever));
        let lengths: Vec<_> = (0..40).map(|_| sleeps.next(&forever).unwrap()).collect();
        assert!(lengths[0] == WATCHFUL && lengths.is_sorted() && lengths[39] == LONGEST);
        assert!(sleeps.are_to_ask(&forever));
        let over = Until::from(Duration::ZERO);
        assert!(Sleeps::new().are_to_ask(&over));
        assert!(matches!(sleeps.next(&over), Err(WaitError::TimedOut)));
        let source = core_process::StopSource::new().unwrap();
        let token = source.token();
        assert!(matches!(sleeps.next(&Until::from(&token)), Ok(WATCHFUL)));
        source.stop();
        let stopped = Until::from((&token, Duration::ZERO));
        assert!(matches!(sleeps.next(&stopped), Err(WaitError::Stopped)));
    }
}
