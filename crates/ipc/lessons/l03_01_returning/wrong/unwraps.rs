//! expect: CRASH
//! The task has a `Result` for its errors, so what `join` says can be unwrapped. A panic there is a panic here then.

use core_process::Process;

use super::check::{Failure, Job, Report, task};

pub fn call(job: Job) -> Result<Report, Failure> {
    let child = Process::new(task, job).start().expect("a process can be started");
    child.join().unwrap().map_err(Failure::Refused)
}
