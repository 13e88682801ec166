//! Whose turn it is to use the one forkserver: a lock that can be waited for with a deadline or a token.
//!
//! Invariant: at most one thread has the server, and it is back in its place, or gone, when the turn ends, a panic included. A
//! turn may take for ever (the server may be stopped); nobody holds the mutex meanwhile.
//! This file does not know what a server is.

use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::handle::lock;
use crate::{Until, WaitError};

/// How often who waits with a token looks at it: a condition variable cannot be waited for beside a descriptor.
const LOOK: Duration = Duration::from_millis(50);

/// A place for one thing, for one thread at a time.
pub(super) struct Place<T> {
    state: Mutex<State<T>>,
    freed: Condvar,
}

struct State<T> {
    thing: Option<T>,
    is_taken: bool,
    /// So many threads wait: to wake nobody is a system call, too.
    waiting: usize,
}

/// The thing, while it is this thread's turn.
pub(super) struct Turn<'a, T> {
    thing: Option<T>,
    place: &'a Place<T>,
}

impl<T> Place<T> {
    pub(super) const fn new() -> Self {
        let thing = None;
        let (is_taken, waiting) = (false, 0);
        Self {
            state: Mutex::new(State {
                thing,
                is_taken,
                waiting,
            }),
            freed: Condvar::new(),
        }
    }

    /// Waits for this thread's turn, no longer than `until`.
    pub(super) fn turn(&self, until: &Until) -> Result<Turn<'_, T>, WaitError> {
        let mut state = lock(&self.state);
        while state.is_taken {
            let token = until.token();
            if token.is_some_and(crate::StopToken::is_stopped) {
                return Err(WaitError::Stopped);
            }
            let left = until
                .deadline()
                .map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Err(WaitError::TimedOut);
            }
            state.waiting += 1;
            state = match (left, token) {
                (None, None) => self.freed.wait(state).unwrap_or_else(PoisonError::into_inner),
                (left, token) => {
                    let look = if token.is_some() { LOOK } else { Duration::MAX };
                    let time = left.map_or(look, |left| left.min(look));
                    self.freed
                        .wait_timeout(state, time)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
            state.waiting -= 1;
        }
        state.is_taken = true;
        let thing = state.thing.take();
        Ok(Turn { thing, place: self })
    }

    /// In a forked child, whose only thread this is: takes out what its parent had here.
    #[inline]
    pub(super) fn take_after_fork(&self) -> Option<T> {
        lock(&self.state).thing.take()
    }
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        let is_waited_for = {
            let mut state = lock(&self.place.state);
            state.thing = self.thing.take();
            state.is_taken = false;
            state.waiting > 0
        };
        if is_waited_for {
            self.place.freed.notify_one();
        }
    }
}

impl<T> Deref for Turn<'_, T> {
    type Target = Option<T>;

    fn deref(&self) -> &Option<T> {
        &self.thing
    }
}

impl<T> DerefMut for Turn<'_, T> {
    fn deref_mut(&mut self) -> &mut Option<T> {
        &mut self.thing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StopSource;

    #[test]
    fn a_turn_that_is_anothers_is_waited_for_no_longer_than_wanted() {
        let place = Place::new();
        *place.turn(&Until::forever()).unwrap() = Some(7);
        let turn = place.turn(&Until::forever()).unwrap();
        assert_eq!(*turn, Some(7));
        assert!(matches!(
            place.turn(&Duration::ZERO.into()),
            Err(WaitError::TimedOut)
        ));
        assert!(matches!(
            place.turn(&Duration::from_millis(5).into()),
            Err(WaitError::TimedOut)
        ));
        let source = StopSource::new().unwrap();
        let token = source.token();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| place.turn(&(&token).into()).map(|turn| *turn));
            source.stop();
            assert!(matches!(waiter.join().unwrap(), Err(WaitError::Stopped)));
            let waiter = scope.spawn(|| place.turn(&Until::forever()).map(|turn| *turn));
            drop(turn);
            assert_eq!(waiter.join().unwrap().unwrap(), Some(7));
        });
    }
}
