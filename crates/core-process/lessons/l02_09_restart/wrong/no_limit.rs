//! expect: LIMIT
//! "Until it succeeds" is taken at its word.

use std::time::Duration;

use core_process::{Process, Status, WaitError};

use super::check::{Job, Outcome, work};

// region answer
pub fn run_until_ok(job: Job, _max_restarts: u32, patience: Duration) -> Outcome {
    let recipe = Process::new(work, job);
    let mut outcome = Outcome {
        attempts: 0,
        last: Status::Running,
    };
    while !outcome.last.is_success() {
        let child = recipe.start().expect("a process can be started");
        // end region
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
