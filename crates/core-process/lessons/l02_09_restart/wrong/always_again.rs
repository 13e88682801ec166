//! expect: WRONG
//! The loop counts restarts and never looks at the status: a success is followed by more attempts.

use std::time::Duration;

use core_process::{Process, Status};

use super::check::{Job, Outcome, work};

pub fn run_until_ok(job: Job, max_restarts: u32, patience: Duration) -> Outcome {
    let recipe = Process::new(work, job);
    let mut last = Status::Running;
    for _ in 0..=max_restarts {
        let child = recipe.start().expect("a process can be started");
        last = child.wait_until(patience).unwrap_or(Status::Running);
        if last == Status::Running {
            child.kill().expect("it is our child");
            last = child.wait().expect("it is our child");
        }
    }
    Outcome {
        attempts: max_restarts + 1,
        last,
    }
}
