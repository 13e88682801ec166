//! expect: HANG
//! A job that was killed is an error of join, and the error is unwrapped. The monitor panics, and at its end it waits for its
//! children, of which one runs on.

use core_process::{Child, Process, StopToken};

use super::check::{Ending, Job, observe, work};

pub fn monitor(jobs: Vec<Job>, time_is_up: &StopToken) -> Vec<Ending> {
    let start = |job: Job| {
        (
            job.id,
            Process::new(work, job).start().expect("a process can be started"),
        )
    };
    let children: Vec<(u64, Child<u64>)> = jobs.into_iter().map(start).collect();
    for (id, child) in &children {
        observe(*id, child.status());
    }
    let ending_of = |(id, child): (u64, Child<u64>)| {
        if let Ok(status) = child.wait_until(time_is_up) {
            observe(id, status);
            return Ending::Returned(child.join().unwrap());
        }
        child.kill().expect("it is our child");
        observe(id, child.wait().expect("it is our child"));
        Ending::RanOn
    };
    children.into_iter().map(ending_of).collect()
}
