//! expect: HANG
//! A plain queue, and a semaphore that counts what is finished. A worker that is killed takes its job with it, and the count is never reached.

use core_process::{Child, Process};
use ipc::Queue;
use sync::Semaphore;

use super::check::{Failed, Job, TRIES, all_done, attempt, give_up};

fn work(jobs: Queue<(Job, u64)>, finished: Semaphore) {
    for job in jobs.iter() {
        let (job, tries) = job.expect("it is a job");
        match attempt(&job) {
            Ok(()) => {}
            Err(Failed) if tries < TRIES => {
                jobs.put(&(job, tries + 1)).expect("it is open");
                continue;
            }
            Err(Failed) => give_up(&job),
        }
        finished.release().expect("there are not so many");
    }
}

pub fn run(jobs: Vec<Job>, workers: usize) {
    let queue = Queue::new().expect("descriptors are free");
    let finished = Semaphore::new(0).expect("a descriptor is free");
    let workers: Vec<Child<()>> = (0..workers)
        .map(|_| Process::new(work, (queue.clone(), finished.clone())).start())
        .map(|child| child.expect("a process can be started"))
        .collect();
    for job in &jobs {
        queue.put(&(job.clone(), 1)).expect("it is open");
    }
    // region count
    for _ in &jobs {
        finished.acquire().expect("workers are there").forget();
    }
    // end region
    all_done();
    queue.close();
    for worker in workers {
        worker.join().ok();
    }
}
