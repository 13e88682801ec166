//! expect: WRONG
//! Only the end is looked at. That there was a time when it ran goes without saying, one might think.

use core_process::{Child, ChildError, Process, StopToken};

use super::check::{Ending, Job, observe, work};

pub fn monitor(jobs: Vec<Job>, time_is_up: &StopToken) -> Vec<Ending> {
    let start = |job: Job| {
        (
            job.id,
            Process::new(work, job).start().expect("a process can be started"),
        )
    };
    let children: Vec<(u64, Child<u64>)> = jobs.into_iter().map(start).collect();
    let ending_of = |(id, child): (u64, Child<u64>)| {
        if let Ok(status) = child.wait_until(time_is_up) {
            observe(id, status);
            return ending(&child);
        }
        child.kill().expect("it is our child");
        observe(id, child.wait().expect("it is our child"));
        Ending::RanOn
    };
    children.into_iter().map(ending_of).collect()
}

/// How a child that has ended did so.
fn ending(child: &Child<u64>) -> Ending {
    match child.join() {
        Ok(value) => Ending::Returned(value),
        Err(ChildError::Panicked { message, .. }) => Ending::Panicked(message),
        Err(ChildError::Exited { code }) => Ending::Exited(code),
        Err(ChildError::Signaled { signal }) => Ending::Killed(signal),
        Err(other) => panic!("no job ends like this: {other}"),
    }
}
