//! expect: WRONG
//! The status is enough, it seems: 0 is a return, 101 is what a panic exits with. A job may leave with both by itself.

use core_process::{Child, ChildError, Process, Status, StopToken};

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
            return ending(&child, status);
        }
        child.kill().expect("it is our child");
        observe(id, child.wait().expect("it is our child"));
        Ending::RanOn
    };
    children.into_iter().map(ending_of).collect()
}

// region answer
fn ending(child: &Child<u64>, status: Status) -> Ending {
    match status {
        Status::Exited(0) => Ending::Returned(child.join().unwrap_or_default()),
        Status::Exited(101) => match child.join() {
            Err(ChildError::Panicked { message, .. }) => Ending::Panicked(message),
            _ => Ending::Panicked("no message".to_owned()),
        },
        Status::Exited(code) => Ending::Exited(code),
        Status::Signaled(signal) => Ending::Killed(signal),
        Status::Running | Status::Unknown => Ending::RanOn,
    }
}
// end region
