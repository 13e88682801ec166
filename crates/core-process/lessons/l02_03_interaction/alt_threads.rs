//! Lesson 2.3, another right answer: a thread waits for each child and one for the bell; a stop token ends that one.

use core_process::{Child, Process, StopSource, Until, WaitError, wait_any};

use super::check::{Bell, Job, report, work};

/// Runs the jobs, reports each as soon as its process has ended, and answers the bell meanwhile.
pub fn attend(jobs: Vec<Job>, bell: &Bell) {
    let all_over = StopSource::new().expect("a descriptor is free");
    let token = all_over.token();
    let start = |job: Job| {
        (
            job.id,
            Process::new(work, job).start().expect("a process can be started"),
        )
    };
    let children: Vec<(u64, Child<u64>)> = jobs.into_iter().map(start).collect();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            loop {
                match wait_any(&[bell], Until::from(&token)) {
                    Ok(_) => bell.answer(),
                    Err(WaitError::Stopped) => return,
                    Err(error) => panic!("the bell cannot be waited for: {error}"),
                }
            }
        });
        let waiters: Vec<_> = children
            .iter()
            .map(|(id, child)| scope.spawn(|| report(*id, child.wait().expect("it is our child"))))
            .collect();
        for waiter in waiters {
            waiter.join().expect("it does not panic");
        }
        all_over.stop();
    });
}
