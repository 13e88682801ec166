//! expect: WRONG
//! The statuses are collected as the children end, and the caller reads them as if they stood in the order of the jobs.

use core_process::{Child, Process, Status, Until, wait_any};

use super::check::{Job, work};

pub fn run_jobs(jobs: Vec<Job>, width: usize) -> Vec<Status> {
    let mut statuses = Vec::new();
    let mut running: Vec<Child<u64>> = Vec::new();
    let mut waiting = jobs.into_iter().rev();
    loop {
        while running.len() < width
            && let Some(job) = waiting.next()
        {
            running.push(Process::new(work, job).start().expect("a process can be started"));
        }
        if running.is_empty() {
            return statuses;
        }
        let ended = wait_any(&running, Until::forever()).expect("children can be waited for");
        statuses.push(running.remove(ended[0]).wait().expect("it is our child"));
    }
}
