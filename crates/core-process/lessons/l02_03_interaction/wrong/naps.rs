//! expect: LIMIT
//! The busy loop was noticed, and a short sleep put into it. Now it is late as well as awake.

use core_process::{Child, Process, Status, wait_any};
use std::time::Duration;

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
        if wait_any(&[bell], Duration::from_millis(10)).is_ok() {
            bell.answer();
        }
        running.retain(|(id, child)| {
            let status = child.status();
            if status != Status::Running {
                report(*id, status);
            }
            status == Status::Running
        });
    }
}
