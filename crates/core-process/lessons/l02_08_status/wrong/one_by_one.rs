//! expect: SERIAL
//! Each job is started, observed and waited for in turn. One that runs on holds all the others up.

use core_process::{Child, ChildError, Process, StopToken};

use super::check::{Ending, Job, observe, work};

pub fn monitor(jobs: Vec<Job>, time_is_up: &StopToken) -> Vec<Ending> {
    let one = |job: Job| {
        let id = job.id;
        let child: Child<u64> = Process::new(work, job).start().expect("a process can be started");
        observe(id, child.status());
        if let Ok(status) = child.wait_until(time_is_up) {
            observe(id, status);
            return ending(&child);
        }
        child.kill().expect("it is our child");
        observe(id, child.wait().expect("it is our child"));
        Ending::RanOn
    };
    jobs.into_iter().map(one).collect()
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
