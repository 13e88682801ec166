//! Lesson 3.8, worked example: items that are finished, given back, dropped, and left behind by a worker that was killed.

use core_process::{Process, Stdio};
use ipc::{JoinQueueError, JoinableQueue, TaskConsumer};

// region work
/// Works until no more jobs come.
fn work(jobs: TaskConsumer<u32>) -> u32 {
    let mut sum = 0;
    for job in jobs.iter() {
        let job = job.expect("it is a job");
        sum += *job;
        job.task_done();
    }
    sum
}
// end region

// region die
/// Gets a job, and dies with it.
fn die_with_one(jobs: TaskConsumer<u32>) {
    let _job = jobs.get().expect("there is one");
    std::process::abort();
}
// end region

pub fn main() {
    core_process::init();

    // region join
    let (put, get) = JoinableQueue::new().expect("descriptors are free").split();
    let worker = Process::new(work, get).start().expect("a process can be started");
    for job in 1..=4 {
        put.put(&job).expect("a worker is there");
    }
    put.join().expect("a worker is there");
    println!("unfinished: {}", put.unfinished());
    drop(put); // no more jobs: the worker ends
    println!("the sum is {}", worker.join().expect("it returns"));
    // end region

    // region item
    let queue = JoinableQueue::new().expect("descriptors are free");
    queue.put(&7).expect("it is open");
    let item = queue.get().expect("there is one");
    println!("waiting: {}, unfinished: {}", queue.qsize(), queue.unfinished());
    item.nack();
    let item = queue.get().expect("it has come back");
    println!("{} was given {} times", *item, item.deliveries());
    drop(item);
    println!("unfinished: {}", queue.unfinished());
    // end region

    // region dead
    let (put, get) = JoinableQueue::new().expect("descriptors are free").split();
    put.put(&7).expect("it is open");
    let child = Process::new(die_with_one, get.clone())
        .stderr(Stdio::null())
        .start();
    let status = child
        .expect("a process can be started")
        .wait()
        .expect("it is our child");
    println!("the worker {status}, and unfinished: {}", put.unfinished());
    let item = get.get().expect("it has come back");
    println!("{} was given {} times", *item, item.deliveries());
    item.nack();
    drop(get);
    match put.join() {
        Err(JoinQueueError::Abandoned) => println!("{}", JoinQueueError::Abandoned),
        other => println!("{other:?}"),
    }
    // end region
}
