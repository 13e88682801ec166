//! expect: SERIAL
//! One loop looks simpler than two: each child is started and waited for, and then comes the next.

use std::time::{Duration, Instant};

use core_process::{JoinError, Process};

use super::check::{Job, Joined, work};

pub fn run_all(jobs: Vec<Job>, total: Duration) -> Joined {
    let deadline = Instant::now() + total;
    let mut joined = Joined {
        finished: Vec::new(),
        running: Vec::new(),
    };
    // region answer
    for (place, job) in jobs.into_iter().enumerate() {
        let child = Process::new(work, job).start().expect("a process can be started");
        match child.join_until(deadline) {
            // end region
            Ok(value) => joined.finished.push((place, value)),
            Err(JoinError::TimedOut) => joined.running.push((place, child)),
            Err(other) => panic!("job {place}: {other}"),
        }
    }
    joined
}
