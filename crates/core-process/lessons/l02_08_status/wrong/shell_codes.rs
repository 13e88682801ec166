//! expect: WRONG
//! A shell shows 128 + n for a process that was ended by signal n, so a code above 128 is read as a signal. It may be a code.

use core_process::{Child, ChildError, Process, Signal, StopToken};

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
            return ending(&child);
        }
        child.kill().expect("it is our child");
        observe(id, child.wait().expect("it is our child"));
        Ending::RanOn
    };
    children.into_iter().map(ending_of).collect()
}

// region answer
fn ending(child: &Child<u64>) -> Ending {
    match child.join() {
        Ok(value) => Ending::Returned(value),
        Err(ChildError::Panicked { message, .. }) => Ending::Panicked(message),
        Err(ChildError::Exited { code }) if code > 128 => {
            Ending::Killed(Signal::new(code - 128).unwrap_or(Signal::KILL))
        }
        Err(ChildError::Exited { code }) => Ending::Exited(code),
        Err(ChildError::Signaled { signal }) => Ending::Killed(signal),
        Err(other) => panic!("no job ends like this: {other}"),
    }
}
// end region
