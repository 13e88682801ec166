//! expect: WRONG
//! A join that comes back is taken for a process that has ended. It also comes back when the time is up.

use core_process::{Child, ChildError, JoinError, Process, StopToken};

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
    // region answer
    let ending_of = |(id, child): (u64, Child<u64>)| {
        let joined = child.join_until(time_is_up);
        observe(id, child.status());
        match joined {
            Ok(value) => Ending::Returned(value),
            Err(JoinError::Failed(ChildError::Panicked { message, .. })) => Ending::Panicked(message),
            Err(JoinError::Failed(ChildError::Exited { code })) => Ending::Exited(code),
            Err(JoinError::Failed(ChildError::Signaled { signal })) => Ending::Killed(signal),
            Err(_) => Ending::Exited(1),
        }
    };
    // end region
    children.into_iter().map(ending_of).collect()
}
