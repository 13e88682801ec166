//! Lesson 3.1, another right answer: the report goes home in a queue; the task's error, and the process's, as a return value.

use core_process::{ChildError, Process};
use ipc::{Producer, Queue};

use super::check::{Failure, Job, Report, task};

fn work(job: Job, reports: Producer<Report>) -> Option<String> {
    match task(job) {
        Ok(report) => {
            reports.put(&report).expect("the main process gets it");
            None
        }
        Err(why) => Some(why),
    }
}

pub fn call(job: Job) -> Result<Report, Failure> {
    let (theirs, reports) = Queue::new().expect("a descriptor is free").split();
    let child = Process::new(work, (job, theirs))
        .start()
        .expect("a process can be started");
    // What is put is in memory, so the child can end before it is got.
    match child.join() {
        Ok(None) => Ok(reports.get().expect("it was put")),
        Ok(Some(why)) => Err(Failure::Refused(why)),
        Err(ChildError::Panicked { message, .. }) => Err(Failure::Panicked(message)),
        Err(ChildError::Signaled { signal }) => Err(Failure::Killed(signal.number())),
        Err(ChildError::Exited { code }) => Err(Failure::Exited(code)),
        Err(other) => panic!("the process could not do its work: {other}"),
    }
}
