//! Lesson 2.10, another right answer: the library's own `join_all`.

use std::time::Duration;

use core_process::{Child, Process, join_all};

use super::check::{Job, Joined, work};

/// Starts a child for each job, and waits for all of them with one deadline.
pub fn run_all(jobs: Vec<Job>, total: Duration) -> Joined {
    let children: Vec<Child<u64>> = jobs
        .into_iter()
        .map(|job| Process::new(work, job).start().expect("a process can be started"))
        .collect();
    let all = join_all(&children, total);
    let finished = all
        .finished
        .into_iter()
        .map(|(place, result)| (place, result.expect("it returns")))
        .collect();
    let running = children
        .into_iter()
        .enumerate()
        .filter(|(place, _)| all.running.contains(place))
        .collect();
    Joined { finished, running }
}
