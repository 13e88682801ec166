//! expect: WRONG
//! There has to be a result, and where none came, an empty one must do. Nobody can tell it from a task that found nothing.

use core_process::Process;

use super::check::{Failure, Job, Report, task};

// region default
pub fn call(job: Job) -> Result<Report, Failure> {
    let child = Process::new(task, job).start().expect("a process can be started");
    child
        .join()
        .unwrap_or_else(|_| Ok(Report::default()))
        .map_err(Failure::Refused)
}
// end region
