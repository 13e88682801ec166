//! expect: HANG
//! The child's end of the pipe is cloned for it, and the first one stays here. While it is here the pipe has a sender, so a child that
//! dies in silence is waited for in silence.

use core_process::{Process, Status};
use ipc::{Sender, pipe};

use super::check::{Failure, Job, Report, task};

fn work(job: Job, home: Sender<Result<Report, String>>) {
    let returned = task(job);
    home.send(&returned).expect("the main process waits for it");
}

pub fn call(job: Job) -> Result<Report, Failure> {
    // region clone
    let (sender, home) = pipe().expect("a descriptor is free");
    let child = Process::new(work, (job, sender.clone()))
        .start()
        .expect("a process can be started");
    let came = home.recv();
    // end region
    let status = child.wait().expect("it is our child");
    match came {
        Ok(returned) => returned.map_err(Failure::Refused),
        Err(_) => match status {
            Status::Signaled(signal) => Err(Failure::Killed(signal.number())),
            Status::Exited(code) => Err(Failure::Exited(code)),
            other => panic!("{other}"),
        },
    }
}
