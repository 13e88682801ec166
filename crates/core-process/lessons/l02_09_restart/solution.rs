//! Lesson 2.9, solution: one recipe, a bounded loop, and the old attempt ended before the new one begins.

use std::time::Duration;

use core_process::{Process, Status, WaitError};

use super::check::{Job, Outcome, work};

/// Runs the job until it succeeds, with at most `max_restarts` restarts.
// region answer
pub fn run_until_ok(job: Job, max_restarts: u32, patience: Duration) -> Outcome {
    let recipe = Process::new(work, job);
    let mut outcome = Outcome {
        attempts: 0,
        last: Status::Running,
    };
    while outcome.attempts <= max_restarts && !outcome.last.is_success() {
        let child = recipe.start().expect("a process can be started");
        outcome.attempts += 1;
        outcome.last = match child.wait_until(patience) {
            Ok(status) => status,
            Err(WaitError::TimedOut) => {
                child.kill().expect("it is our child");
                child.wait().expect("it is our child")
            }
            Err(other) => panic!("{other}"),
        };
    }
    outcome
}
// end region
