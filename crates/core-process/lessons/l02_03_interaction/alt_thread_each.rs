//! Lesson 2.3, another right answer: a thread waits for each child and one for the bell; the ends come through a channel.

use std::sync::mpsc;

use core_process::{Child, Process, StopSource, Until, wait_any};

use super::check::{Bell, Job, report, work};

/// Runs the jobs, reports each as soon as its process has ended, and answers the bell meanwhile.
pub fn attend(jobs: Vec<Job>, bell: &Bell) {
    let start = |job: Job| {
        let id = job.id;
        let child = Process::new(work, job).start().expect("a process can be started");
        (id, child)
    };
    let children: Vec<(u64, Child<u64>)> = jobs.into_iter().map(start).collect();
    let all_over = StopSource::new().expect("a descriptor is free");
    let token = all_over.token();
    let (tell, ends) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while wait_any(&[bell], Until::from(&token)).is_ok() {
                bell.answer();
            }
        });
        for (id, child) in &children {
            let tell = tell.clone();
            scope.spawn(move || tell.send((*id, child.wait().expect("it is our child"))));
        }
        drop(tell);
        for (id, status) in ends {
            report(id, status);
        }
        all_over.stop();
    });
}
