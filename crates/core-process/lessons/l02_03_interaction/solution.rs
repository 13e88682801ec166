//! Lesson 2.3, solution: one call waits for all children and the bell; what is ready is dealt with, and round again.

use std::os::fd::{AsFd, BorrowedFd};

use core_process::{Child, Process, Until, wait_any};

use super::check::{Bell, Job, report, work};

/// Runs the jobs, reports each as soon as its process has ended, and answers the bell meanwhile.
pub fn attend(jobs: Vec<Job>, bell: &Bell) {
    let start = |job: Job| {
        let id = job.id;
        let child = Process::new(work, job).start().expect("a process can be started");
        (id, child)
    };
    let mut running: Vec<(u64, Child<u64>)> = jobs.into_iter().map(start).collect();
    while !running.is_empty() {
        // The bell is the last, so that the positions of the children stay what they are.
        let mut awaited: Vec<BorrowedFd<'_>> = running.iter().map(|(_, child)| child.as_fd()).collect();
        awaited.push(bell.as_fd());
        let ready = wait_any(&awaited, Until::forever()).expect("descriptors can be waited for");
        for position in ready.into_iter().rev() {
            if position == running.len() {
                bell.answer();
            } else {
                let (id, child) = running.remove(position);
                report(id, child.wait().expect("it is our child"));
            }
        }
    }
}
