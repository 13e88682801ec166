//! expect: HANG
//! The bell is served first, and the children are looked at after each ring: `answer` waits for a ring that never comes.

use core_process::{Child, Process, Status};

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
        bell.answer();
        running.retain(|(id, child)| {
            let status = child.status();
            if status != Status::Running {
                report(*id, status);
            }
            status == Status::Running
        });
    }
}
