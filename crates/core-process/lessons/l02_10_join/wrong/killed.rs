//! expect: WRONG
//! Who has not come in time is killed, as if a timeout meant that; nobody asked for it.

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
        match child.join_until(deadline) {
            Ok(value) => joined.finished.push((place, value)),
            Err(_) => {
                child.kill().expect("it is our child");
                child.wait().expect("it is our child");
                joined.running.push((place, child));
            }
        }
    }
    joined
}
