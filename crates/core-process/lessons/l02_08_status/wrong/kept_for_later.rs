//! expect: LEAK_ZOMBIE
//! What ran on is killed, and its handle kept so that somebody may ask later how it ended. Nobody does.

use std::sync::Mutex;

use core_process::{Child, ChildError, Process, StopToken};

use super::check::{Ending, Job, observe, work};

// region answer
static KILLED: Mutex<Vec<Child<u64>>> = Mutex::new(Vec::new());

fn put_down(child: Child<u64>) -> Ending {
    child.kill().expect("it is our child");
    KILLED.lock().expect("no holder panics").push(child);
    Ending::RanOn
}
// end region

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
    let ending_of = |(id, child): (u64, Child<u64>)| match child.wait_until(time_is_up) {
        Ok(status) => {
            observe(id, status);
            ending(&child)
        }
        Err(_) => put_down(child),
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
