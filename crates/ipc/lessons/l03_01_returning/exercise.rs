//! Lesson 3.1, exercise: a function call that runs in a process of its own, and comes home whatever happens there.

use super::check::{Failure, Job, Report};

/// What [`task`](super::check::task) returns for the job, or why it returns nothing.
pub fn call(job: Job) -> Result<Report, Failure> {
    // Start a process of `task`. What it returned, its error, its panic, its exit and its death are five different things.
    Err(Failure::Refused(format!("{job:?} was not tried")))
}
