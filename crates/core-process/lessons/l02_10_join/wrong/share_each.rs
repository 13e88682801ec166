//! expect: WRONG
//! The time is divided by the number of children, so the sum is right. A child that needs more than its share is given up.

use std::time::Duration;

use core_process::{Child, JoinError, Process};

use super::check::{Job, Joined, work};

pub fn run_all(jobs: Vec<Job>, total: Duration) -> Joined {
    let start = |job| Process::new(work, job).start().expect("a process can be started");
    let children: Vec<Child<u64>> = jobs.into_iter().map(start).collect();
    let share = total / children.len().max(1) as u32;

    let mut joined = Joined {
        finished: Vec::new(),
        running: Vec::new(),
    };
    for (place, child) in children.into_iter().enumerate() {
        match child.join_timeout(share) {
            Ok(value) => joined.finished.push((place, value)),
            Err(JoinError::TimedOut) => joined.running.push((place, child)),
            Err(other) => panic!("job {place}: {other}"),
        }
    }
    joined
}
