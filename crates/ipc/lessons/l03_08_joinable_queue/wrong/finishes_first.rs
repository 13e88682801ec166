//! expect: RACE
//! `task_done` right after `get`: then it cannot be forgotten. It says that the job is done, and it is not.

use core_process::{Child, Process};
use ipc::{JoinableQueue, TaskConsumer};

use super::check::{Failed, Job, TRIES, all_done, attempt, give_up};

fn work(jobs: TaskConsumer<Job>) {
    for job in jobs.iter() {
        // region first
        let item = job.expect("it is a job");
        let job = item.clone();
        item.task_done();
        for attempts in 1..=TRIES {
            match attempt(&job) {
                Ok(()) => break,
                Err(Failed) if attempts < TRIES => {}
                Err(Failed) => give_up(&job),
            }
        }
        // end region
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
