//! expect: WRONG
//! In Python `join(timeout)` returns `None` in any case; carried over, a timeout becomes a value of 0.

use std::time::{Duration, Instant};

use core_process::{Child, Process};

use super::check::{Job, Joined, work};

pub fn run_all(jobs: Vec<Job>, total: Duration) -> Joined {
    let deadline = Instant::now() + total;
    let children: Vec<Child<u64>> = jobs
        .into_iter()
        .map(|job| Process::new(work, job).start().expect("a process can be started"))
        .collect();

    let finished = children
        .iter()
        .enumerate()
        .map(|(place, child)| (place, child.join_until(deadline).unwrap_or_default()))
        .collect();
    Joined {
        finished,
        running: Vec::new(),
    }
}
