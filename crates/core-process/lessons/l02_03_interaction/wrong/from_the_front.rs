//! expect: RACE
//! All that have ended are taken out of the vector from the front. Then those behind stand at other positions than before;
//! the panic about an index that was too large is "mended" by a `min`.

use core_process::{Child, Process, StopSource, Until, wait_any};

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
    let all_over = StopSource::new().expect("a descriptor is free");
    let token = all_over.token();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while wait_any(&[bell], Until::from(&token)).is_ok() {
                bell.answer();
            }
        });
        while !running.is_empty() {
            let children: Vec<&Child<u64>> = running.iter().map(|(_, child)| child).collect();
            for position in wait_any(&children, Until::forever()).expect("children can be waited for") {
                let (id, child) = running.remove(position.min(running.len() - 1));
                report(id, child.wait().expect("it is our child"));
            }
        }
        all_over.stop();
    });
}
