//! expect: NOT_A_PROCESS
//! A thread has `join`, too, and catches panics. When the task is killed, so is everything else.

use super::check::{Failure, Job, Report, task};

pub fn call(job: Job) -> Result<Report, Failure> {
    match std::thread::spawn(move || task(job)).join() {
        Ok(returned) => returned.map_err(Failure::Refused),
        Err(panic) => {
            let message = panic.downcast::<String>().map(|message| *message);
            Err(Failure::Panicked(message.unwrap_or_default()))
        }
    }
}
