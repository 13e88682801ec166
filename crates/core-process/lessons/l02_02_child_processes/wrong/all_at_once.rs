//! expect: LIMIT
//! "Start them all, then wait for them all" is the first program that everybody writes; `width` is forgotten.

use core_process::{Child, Process, Status};

use super::check::{Job, work};

// region answer
pub fn run_jobs(jobs: Vec<Job>, _width: usize) -> Vec<Status> {
    let children: Vec<Child<u64>> = jobs
        .into_iter()
        .map(|job| Process::new(work, job).start().expect("a process can be started"))
        .collect();
    children
        .iter()
        .map(|child| child.wait().expect("it is our child"))
        .collect()
}
// end region
