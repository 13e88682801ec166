//! expect: WRONG
//! `join_timeout(total)` in the loop reads well, and gives every child the whole time again.

use std::time::Duration;

use core_process::{Child, JoinError, Process};

use super::check::{Job, Joined, work};

pub fn run_all(jobs: Vec<Job>, total: Duration) -> Joined {
    let children: Vec<Child<u64>> = jobs
        .into_iter()
        .map(|job| Process::new(work, job).start().expect("a process can be started"))
        .collect();

    let mut joined = Joined {
        finished: Vec::new(),
        running: Vec::new(),
    };
    // region answer
    for (place, child) in children.into_iter().enumerate() {
        match child.join_timeout(total) {
            // end region
            Ok(value) => joined.finished.push((place, value)),
            Err(JoinError::TimedOut) => joined.running.push((place, child)),
            Err(other) => panic!("job {place}: {other}"),
        }
    }
    joined
}
