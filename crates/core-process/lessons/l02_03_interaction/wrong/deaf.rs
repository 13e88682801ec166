//! expect: SERIAL
//! It waits for whichever child ends first, as lesson 2.2 taught, and looks after the bell when one has ended.

use core_process::{Child, Process, Until, wait_any};
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
    // region answer
    while !running.is_empty() {
        let children: Vec<&Child<u64>> = running.iter().map(|(_, child)| child).collect();
        let ended = wait_any(&children, Until::forever()).expect("children can be waited for");
        for position in ended.into_iter().rev() {
            let (id, child) = running.remove(position);
            report(id, child.wait().expect("it is our child"));
        }
        while wait_any(&[bell], Duration::ZERO).is_ok() {
            bell.answer();
        }
    }
    // end region
}
