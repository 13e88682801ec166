//! expect: WRONG
//! `wait_any` in a loop is right, and each round is given the whole time: whenever a child ends, the time begins anew.

use std::time::Duration;

use core_process::{Child, Process, WaitError, wait_any};

use super::check::{Job, Joined, work};

pub fn run_all(jobs: Vec<Job>, total: Duration) -> Joined {
    let start = |job| Process::new(work, job).start().expect("a process can be started");
    let mut running: Vec<(usize, Child<u64>)> = jobs.into_iter().map(start).enumerate().collect();
    let mut finished = Vec::new();
    while !running.is_empty() {
        let children: Vec<&Child<u64>> = running.iter().map(|(_, child)| child).collect();
        match wait_any(&children, total) {
            Ok(ended) => {
                for position in ended.into_iter().rev() {
                    let (place, child) = running.remove(position);
                    finished.push((place, child.join().expect("it returns")));
                }
            }
            Err(WaitError::TimedOut) => break,
            Err(other) => panic!("{other}"),
        }
    }
    Joined { finished, running }
}
