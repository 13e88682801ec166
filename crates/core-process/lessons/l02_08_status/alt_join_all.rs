//! Lesson 2.8, another right answer: `join_all` until the time is up gives the ends in their own order; SIGTERM for the rest.

use core_process::{ChildError, Process, StopToken, join_all};

use super::check::{Ending, Job, observe, work};

/// Runs the jobs, observes them, and says how each ended.
pub fn monitor(jobs: Vec<Job>, time_is_up: &StopToken) -> Vec<Ending> {
    let ids: Vec<u64> = jobs.iter().map(|job| job.id).collect();
    let mut children = Vec::new();
    for job in jobs {
        let id = job.id;
        let child = Process::new(work, job).start().expect("a process can be started");
        observe(id, child.status());
        children.push(child);
    }
    let mut endings = vec![Ending::RanOn; children.len()];
    let all = join_all(&children, time_is_up);
    for (at, result) in all.finished {
        observe(ids[at], children[at].status());
        endings[at] = match result {
            Ok(value) => Ending::Returned(value),
            Err(ChildError::Panicked { message, .. }) => Ending::Panicked(message),
            Err(ChildError::Exited { code }) => Ending::Exited(code),
            Err(ChildError::Signaled { signal }) => Ending::Killed(signal),
            Err(other) => panic!("no job ends like this: {other}"),
        };
    }
    for at in all.running {
        children[at].terminate().expect("it is our child");
        observe(ids[at], children[at].wait().expect("it is our child"));
    }
    endings
}
