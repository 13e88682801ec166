//! expect: HANG
//! `join` without a limit: the deadline is looked at between the joins, and a child that never ends does not let it come to that.

use std::time::{Duration, Instant};

use core_process::{Child, Process};

use super::check::{Job, Joined, work};

pub fn run_all(jobs: Vec<Job>, total: Duration) -> Joined {
    let deadline = Instant::now() + total;
    let children: Vec<Child<u64>> = jobs
        .into_iter()
        .map(|job| Process::new(work, job).start().expect("a process can be started"))
        .collect();

    let mut joined = Joined {
        finished: Vec::new(),
        running: Vec::new(),
    };
    for (place, child) in children.into_iter().enumerate() {
        if Instant::now() < deadline {
            joined.finished.push((place, child.join().expect("it returns")));
        } else {
            joined.running.push((place, child));
        }
    }
    joined
}
