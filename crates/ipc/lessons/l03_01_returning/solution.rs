//! Lesson 3.1, solution: the library brings the value home, and says by its error how a process ended that had none.

use core_process::{ChildError, Process};

use super::check::{Failure, Job, Report, task};

/// What the task returns for the job, or why it returns nothing.
// region call
pub fn call(job: Job) -> Result<Report, Failure> {
    let child = Process::new(task, job).start().expect("a process can be started");
    match child.join() {
        Ok(returned) => returned.map_err(Failure::Refused),
        Err(ChildError::Panicked { message, .. }) => Err(Failure::Panicked(message)),
        Err(ChildError::Signaled { signal }) => Err(Failure::Killed(signal.number())),
        Err(ChildError::Exited { code }) => Err(Failure::Exited(code)),
        Err(other) => panic!("the process could not do its work: {other}"),
    }
}
// end region
