//! expect: WRONG
//! The child is made once and only waited for again: an ended process does not begin anew, it gives the same status each time.

use std::time::Duration;

use core_process::{Process, Status};

use super::check::{Job, Outcome, work};

pub fn run_until_ok(job: Job, max_restarts: u32, patience: Duration) -> Outcome {
    let child = Process::new(work, job).start().expect("a process can be started");
    let mut outcome = Outcome {
        attempts: 0,
        last: Status::Running,
    };
    while outcome.attempts <= max_restarts && !outcome.last.is_success() {
        outcome.attempts += 1;
        outcome.last = child.wait_until(patience).unwrap_or(Status::Running);
    }
    child.kill().expect("it is our child");
    outcome.last = child.wait().expect("it is our child");
    outcome
}
