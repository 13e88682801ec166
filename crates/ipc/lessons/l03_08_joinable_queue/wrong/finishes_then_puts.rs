//! expect: RACE
//! A job that failed is put again. Its old item is finished before that: for a moment nothing is left, and `join` returns.

use core_process::{Child, Process};
use ipc::JoinableQueue;

use super::check::{Failed, Job, TRIES, all_done, attempt, give_up};

fn work(jobs: JoinableQueue<(Job, u64)>) {
    for job in jobs.iter() {
        let item = job.expect("it is a job");
        let (job, failed) = &*item;
        let tries = failed + item.deliveries();
        if tries > TRIES {
            give_up(job);
            continue; // dropped, and so finished
        }
        // region again
        match attempt(job) {
            Ok(()) => {}
            Err(Failed) if tries == TRIES => give_up(job),
            Err(Failed) => {
                let job = job.clone();
                item.task_done(); // each get is finished once
                jobs.put(&(job, tries)).ok();
            }
        }
        // end region
    }
}

pub fn run(jobs: Vec<Job>, workers: usize) {
    let queue = JoinableQueue::new().expect("descriptors are free");
    let workers: Vec<Child<()>> = (0..workers)
        .map(|_| Process::new(work, queue.clone()).start())
        .map(|child| child.expect("a process can be started"))
        .collect();
    for job in jobs {
        queue.put(&(job, 0)).expect("it is open");
    }
    queue.join().expect("a worker is left");
    all_done();
    queue.close(); // no more jobs: the workers end
    for worker in workers {
        worker.join().ok();
    }
}
