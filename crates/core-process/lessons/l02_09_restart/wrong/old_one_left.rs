//! expect: RACE
//! A timeout is taken for an end: the next attempt starts while the old one still runs. It is cleaned up at the end, at least.

use std::time::Duration;

use core_process::{Process, Status, WaitError};

use super::check::{Job, Outcome, work};

pub fn run_until_ok(job: Job, max_restarts: u32, patience: Duration) -> Outcome {
    let recipe = Process::new(work, job);
    let mut started = Vec::new();
    let mut outcome = Outcome {
        attempts: 0,
        last: Status::Running,
    };
    while outcome.attempts <= max_restarts && !outcome.last.is_success() {
        let child = recipe.start().expect("a process can be started");
        outcome.attempts += 1;
        // region answer
        outcome.last = match child.wait_until(patience) {
            Ok(status) => status,
            Err(WaitError::TimedOut) => Status::Running, // try again
            Err(other) => panic!("{other}"),
        };
        // end region
        started.push(child);
    }
    for child in started {
        child.kill().expect("it is our child");
        child.wait().expect("it is our child");
    }
    outcome
}
