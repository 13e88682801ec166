//! Lesson 2.10, another right answer: a thread waits for each child, all at the same time, so each may take the whole time.

use std::time::Duration;

use core_process::{Child, JoinError, Process};

use super::check::{Job, Joined, work};

/// Starts a child for each job, and waits for all of them at the same time.
pub fn run_all(jobs: Vec<Job>, total: Duration) -> Joined {
    let start = |job| Process::new(work, job).start().expect("a process can be started");
    let children: Vec<Child<u64>> = jobs.into_iter().map(start).collect();
    let results: Vec<Result<u64, JoinError>> = std::thread::scope(|scope| {
        let waits: Vec<_> = children
            .iter()
            .map(|child| scope.spawn(move || child.join_timeout(total)))
            .collect();
        waits
            .into_iter()
            .map(|wait| wait.join().expect("a thread returns"))
            .collect()
    });
    let mut joined = Joined {
        finished: Vec::new(),
        running: Vec::new(),
    };
    for (place, (child, result)) in children.into_iter().zip(results).enumerate() {
        match result {
            Ok(value) => joined.finished.push((place, value)),
            Err(JoinError::TimedOut) => joined.running.push((place, child)),
            Err(other) => panic!("job {place}: {other}"),
        }
    }
    joined
}
