//! expect: RACE
//! The old attempt is killed, and the next one starts at once: a signal sent is taken for a process ended.

use std::time::Duration;

use core_process::{Process, Signal, Status, WaitError};

use super::check::{Job, Outcome, work};

pub fn run_until_ok(job: Job, max_restarts: u32, patience: Duration) -> Outcome {
    let recipe = Process::new(work, job);
    let mut killed = Vec::new();
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
                killed.push(child);
                Status::Signaled(Signal::KILL)
            }
            Err(other) => panic!("{other}"),
        };
    }
    // Somebody must take their statuses, or they stay as zombies.
    for child in killed {
        child.wait().expect("it is our child");
    }
    outcome
}
