//! expect: CRASH
//! All is waited for in the right way, and then each child is expected to return. One is killed.

use std::os::fd::{AsFd, BorrowedFd};

use core_process::{Child, Process, Until, wait_any};

use super::check::{Bell, Job, report, work};

pub fn attend(jobs: Vec<Job>, bell: &Bell) {
    let mut running: Vec<(u64, Child<u64>)> = jobs
        .into_iter()
        .map(|job| {
            (
                job.id,
                Process::new(work, job).start().expect("a process can be started"),
            )
        })
        .collect();
    while !running.is_empty() {
        let mut awaited: Vec<BorrowedFd<'_>> = running.iter().map(|(_, child)| child.as_fd()).collect();
        awaited.push(bell.as_fd());
        let ready = wait_any(&awaited, Until::forever()).expect("descriptors can be waited for");
        for position in ready.into_iter().rev() {
            if position == running.len() {
                bell.answer();
            } else {
                let (_, child) = running.remove(position);
                let id = child.join().expect("a job returns its number");
                report(id, child.status());
            }
        }
    }
}
