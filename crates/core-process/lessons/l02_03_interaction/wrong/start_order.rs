//! expect: RACE
//! A thread answers the bell, well; but the children are waited for in the order of their start, as a `for` loop suggests.

use core_process::{Child, Process, StopSource, Until, wait_any};

use super::check::{Bell, Job, report, work};

pub fn attend(jobs: Vec<Job>, bell: &Bell) {
    let all_over = StopSource::new().expect("a descriptor is free");
    let token = all_over.token();
    let children: Vec<(u64, Child<u64>)> = jobs
        .into_iter()
        .map(|job| {
            (
                job.id,
                Process::new(work, job).start().expect("a process can be started"),
            )
        })
        .collect();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while wait_any(&[bell], Until::from(&token)).is_ok() {
                bell.answer();
            }
        });
        // region answer
        for (id, child) in &children {
            report(*id, child.wait().expect("it is our child"));
        }
        // end region
        all_over.stop();
    });
}
