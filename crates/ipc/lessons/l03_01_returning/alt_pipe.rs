//! Lesson 3.1, another right answer: by hand. The value goes through a pipe, a panic is caught and goes the same way, and what leaves
//! nothing in the pipe has left a status.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use core_process::{Process, Status};
use ipc::{Sender, pipe};

use super::check::{Failure, Job, Report, task};

// region child
/// The child: calls the task, and sends what came of it.
fn work(job: Job, home: Sender<Result<Report, Failure>>) {
    let returned = match catch_unwind(AssertUnwindSafe(|| task(job))) {
        Ok(returned) => returned.map_err(Failure::Refused),
        Err(panic) => Err(Failure::Panicked(message_of(panic))),
    };
    home.send(&returned).expect("the main process waits for it");
}

fn message_of(panic: Box<dyn Any + Send>) -> String {
    match panic.downcast::<String>() {
        Ok(message) => *message,
        Err(panic) => panic
            .downcast_ref::<&str>()
            .copied()
            .unwrap_or_default()
            .to_owned(),
    }
}
// end region

// region parent
pub fn call(job: Job) -> Result<Report, Failure> {
    let (theirs, home) = pipe().expect("a descriptor is free");
    let child = Process::new(work, (job, theirs))
        .start()
        .expect("a process can be started");
    // First the value, then the end: the child may need us to read before it can end.
    let came = home.recv();
    let status = child.wait().expect("it is our child");
    came.unwrap_or_else(|_| {
        Err(match status {
            Status::Signaled(signal) => Failure::Killed(signal.number()),
            Status::Exited(code) => Failure::Exited(code),
            other => panic!("it was waited for, and {other}"),
        })
    })
}
// end region
