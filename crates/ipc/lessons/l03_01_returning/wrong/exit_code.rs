//! expect: WRONG
//! The count is only a number, and an exit code is a number, so it goes home that way. Of an exit code eight bits arrive.

use core_process::{ChildError, Process};
use ipc::{Sender, pipe};

use super::check::{Failure, Job, Report, task};

// region child
fn work(job: Job, bytes: Sender<Vec<u8>>) -> Result<(), String> {
    let report = task(job)?;
    bytes.send(&report.bytes).expect("the main process waits for it");
    core_process::exit(report.count as i32)
}
// end region

pub fn call(job: Job) -> Result<Report, Failure> {
    let (theirs, bytes) = pipe().expect("a descriptor is free");
    let child = Process::new(work, (job, theirs))
        .start()
        .expect("a process can be started");
    let came = bytes.recv();
    match (child.join(), came) {
        (Err(ChildError::Exited { code }), Ok(bytes)) => Ok(Report {
            count: code as u64,
            bytes,
        }),
        (Err(ChildError::Exited { code }), Err(_)) => Err(Failure::Exited(code)),
        (Err(ChildError::Signaled { signal }), _) => Err(Failure::Killed(signal.number())),
        (Err(ChildError::Panicked { message, .. }), _) => Err(Failure::Panicked(message)),
        (Err(other), _) => panic!("{other}"),
        (Ok(returned), _) => Err(Failure::Refused(returned.err().unwrap_or_default())),
    }
}
