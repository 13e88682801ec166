//! expect: SERIAL
//! Starting and joining in one line: each child is over before the next begins, which is a function call that costs more.

use core_process::{Process, Status};

use super::check::{Job, work};

pub fn run_jobs(jobs: Vec<Job>, _width: usize) -> Vec<Status> {
    jobs.into_iter()
        .map(|job| {
            let child = Process::new(work, job).start().expect("a process can be started");
            child.wait().expect("it is our child")
        })
        .collect()
}
