//! Lesson 3.8, another right answer: a job that failed is put again, with its count, and only then its old item is finished.

use core_process::{Child, Process};
use ipc::JoinableQueue;

use super::check::{Failed, Job, TRIES, all_done, attempt, give_up};

/// Attempts jobs until the queue is closed. A job has with it how often it failed.
fn work(jobs: JoinableQueue<(Job, u64)>) {
    for job in jobs.iter() {
        let item = job.expect("it is a job");
        let (job, failed) = &*item;
        // Deliveries of the same item: the workers of all but this one were killed.
        let tries = failed + item.deliveries();
        if tries > TRIES {
            give_up(job);
            continue; // dropped, and so finished
        }
        match attempt(job) {
            Ok(()) => {}
            Err(Failed) if tries == TRIES => give_up(job),
            // First the new one, then the end of the old one: at no time nothing is left.
            Err(Failed) => jobs.put(&(job.clone(), tries)).expect("it is open"),
        }
        item.task_done();
    }
}

/// Lets so many workers, each in a process of its own, attempt the jobs, and calls `all_done` when every job is done or given up.
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
        // It may have been killed; its job was done by another one.
        worker.join().ok();
    }
}
