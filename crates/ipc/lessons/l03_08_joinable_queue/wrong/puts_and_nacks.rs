//! expect: WRONG
//! A job that failed is put again, and its item is given back, since it is not done. Now there are two of it.

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
        match attempt(job) {
            Ok(()) => {}
            Err(Failed) if tries == TRIES => give_up(job),
            Err(Failed) => {
                jobs.put(&(job.clone(), tries)).expect("it is open");
                item.nack(); // it is not done
                continue;
            }
        }
        item.task_done();
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
