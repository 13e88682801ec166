//! expect: WRONG
//! Every error has a text, so it becomes the task's error. The caller cannot know any more whether to try again, or with another job.

use core_process::Process;

use super::check::{Failure, Job, Report, task};

pub fn call(job: Job) -> Result<Report, Failure> {
    let child = Process::new(task, job).start().expect("a process can be started");
    let returned = child
        .join()
        .map_err(|error| Failure::Refused(error.to_string()))?;
    returned.map_err(Failure::Refused)
}
