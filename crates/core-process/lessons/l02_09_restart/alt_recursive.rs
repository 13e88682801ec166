//! Lesson 2.9, another right answer: one attempt as a function of its own, `join` instead of `wait`, SIGTERM before SIGKILL.

use std::time::Duration;

use core_process::{JoinError, Process, Status};

use super::check::{Job, Outcome, work};

fn attempt(job: Job, patience: Duration) -> Status {
    let child = Process::new(work, job).start().expect("a process can be started");
    if child.join_timeout(patience) == Err(JoinError::TimedOut) {
        child.terminate().expect("it is our child");
        if child.join_timeout(patience) == Err(JoinError::TimedOut) {
            child.kill().expect("it is our child");
        }
    }
    child.wait().expect("it is our child")
}

/// Runs the job until it succeeds, with at most `max_restarts` restarts.
pub fn run_until_ok(job: Job, max_restarts: u32, patience: Duration) -> Outcome {
    let last = attempt(job.clone(), patience);
    if last.is_success() || max_restarts == 0 {
        return Outcome { attempts: 1, last };
    }
    let rest = run_until_ok(job, max_restarts - 1, patience);
    Outcome {
        attempts: rest.attempts + 1,
        ..rest
    }
}
