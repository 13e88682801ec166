//! expect: HANG
//! "When it has ended, everything is there", so the process is joined, and then the pipe is read. It cannot end before somebody reads.

use std::io::{PipeWriter, Read, Write};

use core_process::{ChildError, Fd, Process};

use super::check::{Failure, Job, Report, task};

fn work(job: Job, mut bytes: Fd<PipeWriter>) -> Result<u64, String> {
    let report = task(job)?;
    bytes.write_all(&report.bytes).expect("the main process reads it");
    Ok(report.count)
}

// region parent
pub fn call(job: Job) -> Result<Report, Failure> {
    let (mut reader, writer) = std::io::pipe().expect("a descriptor is free");
    let child = Process::new(work, (job, Fd::from(writer)))
        .start()
        .expect("a process can be started");
    let count = match child.join() {
        Ok(returned) => returned.map_err(Failure::Refused)?,
        Err(ChildError::Panicked { message, .. }) => return Err(Failure::Panicked(message)),
        Err(ChildError::Signaled { signal }) => return Err(Failure::Killed(signal.number())),
        Err(ChildError::Exited { code }) => return Err(Failure::Exited(code)),
        Err(other) => panic!("{other}"),
    };
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).expect("a pipe can be read");
    Ok(Report { count, bytes })
}
// end region
