//! expect: CRASH
//! All jobs are done, so all workers have returned. One was killed on the way, and the main process dies of it.

use core_process::{Child, Process};
use ipc::{JoinableQueue, TaskConsumer};

use super::check::{Failed, Job, TRIES, all_done, attempt, give_up};

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
        worker.join().expect("it returns");
    }
}
