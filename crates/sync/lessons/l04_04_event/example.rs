//! Lesson 4.4, worked example: a flag that many wait for, a pulse, and a set that waits for nobody.

use std::time::Duration;

use core_process::{Child, Process, Signal, Status};
use sync::Event;

// region work
/// Waits for the start, counts until the stop.
fn work(number: u32, start: Event, stop: Event) -> String {
    start.wait();
    let mut turns = 1_u64;
    while !stop.is_set() {
        turns += 1;
    }
    format!("worker {number} has worked: {}", turns > 0)
}
// end region

pub fn main() {
    core_process::init();

    // region start
    let start = Event::new().expect("a descriptor is free");
    let stop = Event::new().expect("a descriptor is free");
    let workers: Vec<Child<String>> = (1..=3)
        .map(|number| Process::new(work, (number, start.clone(), stop.clone())).start())
        .map(|child| child.expect("a process can be started"))
        .collect();
    println!("is set: {}", start.is_set());
    // end region
    // region killed
    workers[1].kill().expect("it is our child");
    assert_eq!(workers[1].wait(), Ok(Status::Signaled(Signal::KILL)));
    start.set();
    println!("is set: {}", start.is_set());
    // end region
    // region stop
    stop.set();
    for worker in &workers {
        match worker.join() {
            Ok(said) => println!("{said}"),
            Err(error) => println!("{error}"),
        }
    }
    // end region

    // region time
    let never = Event::new().expect("a descriptor is free");
    let waited = never.wait_timeout(Duration::from_millis(20));
    println!("nobody set it: {}", waited.is_err());
    never.set();
    never.set();
    never.clear();
    println!("set twice, cleared once: {}", never.is_set());
    // end region
}
