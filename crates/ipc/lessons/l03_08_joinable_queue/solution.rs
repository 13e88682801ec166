//! Lesson 3.8, solution: an item is held while its job is attempted, and what becomes of it is said once.

use core_process::{Child, Process};
use ipc::{JoinableQueue, TaskConsumer};

use super::check::{Failed, Job, TRIES, all_done, attempt, give_up};

// region work
/// Attempts jobs until no more come.
fn work(jobs: TaskConsumer<Job>) {
    for job in jobs.iter() {
        let job = job.expect("it is a job");
        // The worker of its last attempt was killed.
        if job.deliveries() > TRIES {
            give_up(&job);
            continue; // dropped, and so finished
        }
        match attempt(&job) {
            Ok(()) => job.task_done(),
            Err(Failed) if job.deliveries() < TRIES => job.nack(),
            Err(Failed) => {
                give_up(&job);
                job.task_done();
            }
        }
    }
}
// end region

/// Lets so many workers, each in a process of its own, attempt the jobs, and calls `all_done` when every job is done or given up.
// region run
pub fn run(jobs: Vec<Job>, workers: usize) {
    let (put, get) = JoinableQueue::new().expect("descriptors are free").split();
    let workers: Vec<Child<()>> = (0..workers)
        .map(|_| Process::new(work, get.clone()).start())
        .map(|child| child.expect("a process can be started"))
        .collect();
    drop(get);
    for job in &jobs {
        put.put(job).expect("workers are there");
    }
    put.join().expect("a worker is left");
    all_done();
    drop(put); // no more jobs: the workers end
    for worker in workers {
        // It may have been killed; its job was done by another one.
        worker.join().ok();
    }
}
// end region
