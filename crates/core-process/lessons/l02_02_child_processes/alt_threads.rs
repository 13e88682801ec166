//! Lesson 2.2, another right answer: `width` threads, each of which takes a job, starts it and waits for it.

use std::sync::Mutex;

use core_process::{Process, Status};

use super::check::{Job, work};

/// Runs the jobs, no more than `width` at a time.
pub fn run_jobs(jobs: Vec<Job>, width: usize) -> Vec<Status> {
    let statuses = Mutex::new(vec![Status::Running; jobs.len()]);
    let waiting = Mutex::new(jobs.into_iter().enumerate());
    let next = || waiting.lock().expect("no holder panics").next();
    std::thread::scope(|scope| {
        for _ in 0..width {
            scope.spawn(|| {
                while let Some((place, job)) = next() {
                    let child = Process::new(work, job).start().expect("a process can be started");
                    let status = child.wait().expect("it is our child");
                    statuses.lock().expect("no holder panics")[place] = status;
                }
            });
        }
    });
    statuses.into_inner().expect("no holder panics")
}
