//! expect: LIMIT
//! Each worker counts how often a job has failed. It knows its own attempts, and neither those of the others nor those of the dead.

use std::collections::HashMap;

use core_process::{Child, Process};
use ipc::{JoinableQueue, TaskConsumer};

use super::check::{Failed, Job, TRIES, all_done, attempt, give_up};

fn work(jobs: TaskConsumer<Job>) {
    // region counts
    let mut failures: HashMap<u32, u64> = HashMap::new();
    for job in jobs.iter() {
        let job = job.expect("it is a job");
        match attempt(&job) {
            Ok(()) => job.task_done(),
            Err(Failed) => {
                let failed = failures.entry(job.number).or_default();
                *failed += 1;
                if *failed < TRIES {
                    job.nack();
                } else {
                    give_up(&job);
                }
            }
        }
    }
    // end region
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
