//! expect: SERIAL
//! Each of `width` threads gets a share of the jobs: nothing to lock, and the limit is kept. A share waits behind its long job.

use core_process::{Process, Status};

use super::check::{Job, work};

pub fn run_jobs(jobs: Vec<Job>, width: usize) -> Vec<Status> {
    let share = jobs.len().div_ceil(width).max(1);
    let run = |job: &Job| {
        let child = Process::new(work, job.clone())
            .start()
            .expect("a process can be started");
        child.wait().expect("it is our child")
    };
    std::thread::scope(|scope| {
        let shares: Vec<_> = jobs
            .chunks(share)
            .map(|share| scope.spawn(move || share.iter().map(run).collect::<Vec<Status>>()))
            .collect();
        shares
            .into_iter()
            .flat_map(|share| share.join().expect("a thread returns"))
            .collect()
    })
}
