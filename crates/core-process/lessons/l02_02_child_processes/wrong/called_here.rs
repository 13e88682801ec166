//! expect: NOT_A_PROCESS
//! `Process::new(work(job), ...)` does not compile, so `work(job)` is called, and no process is started at all.

use core_process::Status;

use super::check::{Job, work};

pub fn run_jobs(jobs: Vec<Job>, _width: usize) -> Vec<Status> {
    jobs.into_iter()
        .map(|job| {
            work(job);
            Status::Exited(0)
        })
        .collect()
}
