//! expect: WRONG
//! In Python an item that is not marked as done stays undone. Here it is finished when it is dropped, also by a `continue`, or a `?`.

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
        // region drops
        if attempt(&job) == Err(Failed) {
            continue; // somebody will get it again
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
