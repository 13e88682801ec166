//! expect: LIMIT
//! What failed is given back, and will succeed some day. A job that never does is attempted for ever.

use core_process::{Child, Process};
use ipc::{JoinableQueue, TaskConsumer};

use super::check::{Failed, Job, all_done, attempt};

fn work(jobs: TaskConsumer<Job>) {
    for job in jobs.iter() {
        let job = job.expect("it is a job");
        // region always
        match attempt(&job) {
            Ok(()) => job.task_done(),
            Err(Failed) => job.nack(),
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
