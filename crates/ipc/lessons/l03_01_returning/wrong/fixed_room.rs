//! expect: WRONG
//! Shared memory of a megabyte, "large enough for everything". The rest is cut off, and nobody is told.

use core_process::shm::Segment;
use core_process::{ChildError, Process};

use super::check::{Failure, Job, Report, task};

const ROOM: usize = 1 << 20;

// region child
/// The child: leaves the bytes in the memory, and returns the count and their number.
fn work(job: Job, memory: Segment) -> Result<(u64, usize), String> {
    let report = task(job)?;
    let len = report.bytes.len().min(ROOM);
    memory.write_bytes(0, &report.bytes[..len]);
    Ok((report.count, len))
}
// end region

pub fn call(job: Job) -> Result<Report, Failure> {
    let memory = Segment::create("report", ROOM).expect("there is memory");
    let theirs = memory.try_clone().expect("a descriptor is free");
    let child = Process::new(work, (job, theirs))
        .start()
        .expect("a process can be started");
    match child.join() {
        Ok(Ok((count, len))) => Ok(Report {
            count,
            bytes: memory.read_bytes(0, len),
        }),
        Ok(Err(why)) => Err(Failure::Refused(why)),
        Err(ChildError::Panicked { message, .. }) => Err(Failure::Panicked(message)),
        Err(ChildError::Signaled { signal }) => Err(Failure::Killed(signal.number())),
        Err(ChildError::Exited { code }) => Err(Failure::Exited(code)),
        Err(other) => panic!("{other}"),
    }
}
