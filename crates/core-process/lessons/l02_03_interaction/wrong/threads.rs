//! expect: NOT_A_PROCESS
//! Threads are easier to talk with: they share the bell, and their ends are a channel away. A job that dies takes all along.

use std::sync::mpsc;

use core_process::{Status, StopSource, Until, wait_any};

use super::check::{Bell, Job, report, work};

pub fn attend(jobs: Vec<Job>, bell: &Bell) {
    let all_over = StopSource::new().expect("a descriptor is free");
    let token = all_over.token();
    let (done, ended) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while wait_any(&[bell], Until::from(&token)).is_ok() {
                bell.answer();
            }
        });
        for job in jobs {
            let done = done.clone();
            scope.spawn(move || done.send(work(job)));
        }
        drop(done);
        for id in ended {
            report(id, Status::Exited(0));
        }
        all_over.stop();
    });
}
