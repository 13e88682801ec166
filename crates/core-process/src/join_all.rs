//! Waiting for many children at once, with one deadline for all.

use std::panic::Location;

use serde::de::DeserializeOwned;

use crate::probe::{self, Phase};
use crate::wait::first_of;
use crate::{Child, ChildError, Until, WaitError};

/// What [`join_all`] found at its end; both lists hold positions in the slice that it was given.
#[derive(Debug)]
#[must_use = "it holds the children's results, and their errors"]
pub struct JoinAll<T> {
    /// The children that have ended, in the order of their ends, with their results.
    pub finished: Vec<(usize, Result<T, ChildError>)>,
    /// Those that still ran when the time was over.
    pub running: Vec<usize>,
}

/// Waits for all children until one common deadline: the whole wait is no longer than `until`, however many they are.
///
/// ```
/// use core_process::{Process, Until, join_all};
///
/// fn main() {
///     core_process::init();
///     let children: Vec<_> = (0..3).map(|n| Process::new(|n: u32| n * n, n).start().unwrap()).collect();
///     let mut all = join_all(&children, Until::forever());
///     all.finished.sort_by_key(|(at, _)| *at);
///     assert!(all.running.is_empty());
///     assert_eq!(all.finished, [(0, Ok(0)), (1, Ok(1)), (2, Ok(4))]);
/// }
/// ```
#[track_caller]
pub fn join_all<T: DeserializeOwned>(children: &[Child<T>], until: impl Into<Until>) -> JoinAll<T> {
    let (until, caller) = (until.into(), Location::caller());
    let count = children.len() as u64;
    probe::emit(
        "join_all",
        Phase::Begin,
        count,
        until.microseconds(),
        Some(caller),
    );
    let all = wait_for_all(children, &until);
    probe::emit(
        "join_all",
        Phase::End,
        count,
        all.finished.len() as i64,
        Some(caller),
    );
    all
}

fn wait_for_all<T: DeserializeOwned>(children: &[Child<T>], until: &Until) -> JoinAll<T> {
    let mut finished = Vec::with_capacity(children.len());
    let mut running: Vec<usize> = (0..children.len()).collect();
    while !running.is_empty() {
        let waited: Vec<&Child<T>> = running.iter().map(|&at| &children[at]).collect();
        let ended = match first_of(&waited, until) {
            Ok(ready) => ready,
            Err(WaitError::TimedOut | WaitError::Stopped) => break,
            Err(WaitError::Os(error)) => {
                let failed = running.drain(..).map(|at| (at, Err(ChildError::os(&error))));
                finished.extend(failed);
                break;
            }
        };
        // From the back, so that the positions before stay right.
        for ready in ended.into_iter().rev() {
            if let Some(result) = waited[ready].try_join() {
                finished.push((running[ready], result));
                running.remove(ready);
            }
        }
    }
    JoinAll { finished, running }
}
