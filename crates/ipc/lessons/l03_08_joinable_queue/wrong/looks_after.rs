//! expect: LIMIT
//! The deliveries are looked at when an attempt has failed. If the worker is killed in the third one, nobody looks, and there is a fourth.

use core_process::{Child, Process};
use ipc::{JoinableQueue, TaskConsumer};

use super::check::{Failed, Job, TRIES, all_done, attempt, give_up};

fn work(jobs: TaskConsumer<Job>) {
    for job in jobs.iter() {
        let job = job.expect("it is a job");
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
        worker.join().ok();
    }
}
