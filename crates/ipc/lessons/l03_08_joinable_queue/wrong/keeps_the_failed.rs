//! expect: HANG
//! What failed is kept until the rest is done. It is not finished, so the queue is not either, and its end, for which this worker waits, never comes.

use core_process::{Child, Process};
use ipc::{JoinableQueue, TaskConsumer};

use super::check::{Failed, Job, TRIES, all_done, attempt, give_up};

fn work(jobs: TaskConsumer<Job>) {
    // region keeps
    let mut failed = Vec::new();
    for job in jobs.iter() {
        let job = job.expect("it is a job");
        // The worker of its last attempt was killed.
        if job.deliveries() > TRIES {
            give_up(&job);
            continue; // dropped, and so finished
        }
        match attempt(&job) {
            Ok(()) => job.task_done(),
            Err(Failed) => failed.push(job), // when the others are done
        }
    }
    // end region
    for job in failed {
        while attempt(&job) == Err(Failed) {}
    }
}

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
        worker.join().ok();
    }
}
