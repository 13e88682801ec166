//! Lesson 2.10, solution: one loop starts, the other waits, and the deadline is a moment.

use std::time::{Duration, Instant};

use core_process::{Child, JoinError, Process};

use super::check::{Job, Joined, work};

/// Starts a child for each job, and waits for all of them with one deadline.
// region answer
pub fn run_all(jobs: Vec<Job>, total: Duration) -> Joined {
    let deadline = Instant::now() + total;
    let start = |job| Process::new(work, job).start().expect("a process can be started");
    let children: Vec<Child<u64>> = jobs.into_iter().map(start).collect();

    let mut joined = Joined {
        finished: Vec::new(),
        running: Vec::new(),
    };
    for (place, child) in children.into_iter().enumerate() {
        match child.join_until(deadline) {
            Ok(value) => joined.finished.push((place, value)),
            Err(JoinError::TimedOut) => joined.running.push((place, child)),
            Err(other) => panic!("job {place}: {other}"),
        }
    }
    joined
}
// end region
