//! expect: SERIAL
//! Batches of `width` keep the limit, and look right while all jobs take equally long.

use core_process::{Child, Process, Status};

use super::check::{Job, work};

// region answer
pub fn run_jobs(jobs: Vec<Job>, width: usize) -> Vec<Status> {
    let mut statuses = Vec::new();
    for batch in jobs.chunks(width) {
        let children: Vec<Child<u64>> = batch
            .iter()
            .map(|job| {
                Process::new(work, job.clone())
                    .start()
                    .expect("a process can be started")
            })
            .collect();
        statuses.extend(
            children
                .iter()
                .map(|child| child.wait().expect("it is our child")),
        );
    }
    statuses
}
// end region
