//! Lesson 4.7, worked example: three processes meet, and one that will never come is noticed.

use core_process::Process;
use sync::{Barrier, Event};

// region meet
/// The first half, the meeting, the second half.
fn work(barrier: Barrier) -> u32 {
    // Nobody is in the second half while somebody is in the first.
    barrier
        .wait_with(|| println!("all three are here"))
        .expect("all of them come")
}
// end region

// region broken
fn waits(barrier: Barrier) -> String {
    match barrier.wait() {
        Ok(place) => format!("place {place}"),
        Err(error) => error.to_string(),
    }
}

fn never_comes(barrier: Barrier, ready: Event) {
    ready.set();
    while !barrier.is_broken() {
        std::thread::park();
    }
}
// end region

pub fn main() {
    core_process::init();

    // region places
    let barrier = Barrier::new(3).expect("there is memory for a barrier");
    let worker = Process::new(work, barrier);
    let workers = [(); 3].map(|()| worker.start().expect("a process can be started"));
    let mut places = workers.map(|worker| worker.join().expect("it returns"));
    places.sort_unstable();
    println!("places {places:?}");
    // end region

    // region killed
    let barrier = Barrier::new(2).expect("there is memory for a barrier");
    let ready = Event::new().expect("there is memory for an event");
    let waiter = Process::new(waits, barrier.clone());
    let waiter = waiter.start().expect("a process can be started");
    let victim = Process::new(never_comes, (barrier.clone(), ready.clone()));
    let victim = victim.start().expect("a process can be started");
    ready.wait();
    victim.kill().expect("it is our child");
    println!("the waiter says: {}", waiter.join().expect("it returns"));
    // end region

    // region reset
    println!("broken: {}", barrier.is_broken());
    barrier.reset();
    println!("after a reset: {}", barrier.is_broken());
    // end region
    victim.wait().expect("it is our child");
}
