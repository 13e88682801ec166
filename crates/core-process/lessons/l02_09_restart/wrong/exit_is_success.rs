//! expect: WRONG
//! "It exited, so it was not killed, so all is well": exit codes other than 0 are failures, and a panic is one of them.

use std::time::Duration;

use core_process::{Process, Status, WaitError};

use super::check::{Job, Outcome, work};

pub fn run_until_ok(job: Job, max_restarts: u32, patience: Duration) -> Outcome {
    let recipe = Process::new(work, job);
    let mut outcome = Outcome {
        attempts: 0,
        last: Status::Running,
    };
    while outcome.attempts <= max_restarts && !matches!(outcome.last, Status::Exited(_)) {
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
