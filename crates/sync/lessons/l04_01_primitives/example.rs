//! Lesson 4.1, worked example: a lost update and a deadlock, between real processes, certainly.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use core_process::Process;
use core_process::shm::Segment;
use grader::replay::{Act, Program, Run, diagram};
use sync::{Barrier, Lock, LockError};

// region lost
/// Adds one in two steps. Between them it waits until the other process stands there, too.
fn add_one(memory: Segment, both: Barrier) -> u64 {
    let counter = memory.atomic_u64(0);
    let read = counter.load(Relaxed);
    both.wait().expect("the other one comes");
    counter.store(read + 1, Relaxed);
    read
}
// end region

/// Adds one in two steps, again and again.
fn add_many(memory: Segment, both: Barrier) {
    let counter = memory.atomic_u64(0);
    both.wait().expect("the other one comes");
    for _ in 0..10_000_000 {
        counter.store(counter.load(Relaxed) + 1, Relaxed);
    }
}

// region whole
/// Adds one in one step, again and again.
fn add_whole(memory: Segment, both: Barrier) {
    let counter = memory.atomic_u64(0);
    both.wait().expect("the other one comes");
    for _ in 0..10_000_000 {
        counter.fetch_add(1, Relaxed);
    }
}
// end region

// region cross
/// Takes two locks, with the other process in between; true if the second one was not to be had.
fn cross(first: Lock, second: Lock, both: Barrier) -> bool {
    let _first = first.lock().expect("no owner has died");
    both.wait().expect("the other one comes"); // each has one lock now
    let second = second.lock_timeout(Duration::from_millis(50));
    both.wait().expect("the other one comes"); // and nobody gives his back before both have tried
    matches!(second, Err(LockError::TimedOut))
}
// end region

pub fn main() {
    core_process::init();

    // region run
    let shared = Segment::create("counter", 8).expect("there is memory");
    let both = Barrier::new(2).expect("there is memory");
    let share = || shared.try_clone().expect("there is a descriptor");
    let adder = || Process::new(add_one, (share(), both.clone())).start();
    let children = [adder(), adder()].map(|child| child.expect("a process can be started"));
    let read = children.map(|child| child.join().expect("it returns"));
    println!(
        "they read {} and {}, each added 1, and the counter is {}",
        read[0],
        read[1],
        shared.atomic_u64(0).load(Relaxed)
    );
    // end region

    // region drawn
    let steps = |read, write| {
        [
            (read, Act::Read("counter")),
            (write, Act::WriteRead("counter", 1)),
        ]
    };
    let program = Program::new("add one")
        .word("counter", 0)
        .process("A", &steps("a1", "a2"))
        .process("B", &steps("b1", "b2"))
        .ends_with("counter", 2);
    let run = Run::replay(&program, ["a1", "b1", "a2", "b2"]).expect("it is legal");
    for line in diagram(&run) {
        println!("{line}");
    }
    // end region

    shared.atomic_u64(0).store(0, Relaxed);
    for child in [
        Process::new(add_many, (share(), both.clone())).start(),
        Process::new(add_many, (share(), both.clone())).start(),
    ] {
        let child = child.expect("a process can be started");
        child.join().expect("it returns");
    }
    // Another number each time, so it is not part of the output that is checked.
    let arrived = shared.atomic_u64(0).swap(0, Relaxed);
    eprintln!("of 20000000 additions in two steps, {arrived} arrived");

    for child in [
        Process::new(add_whole, (share(), both.clone())).start(),
        Process::new(add_whole, (share(), both.clone())).start(),
    ] {
        let child = child.expect("a process can be started");
        child.join().expect("it returns");
    }
    let arrived = shared.atomic_u64(0).load(Relaxed);
    println!("of 20000000 additions in one step, {arrived} arrived");

    // region deadlock
    let (left, right) = (
        Lock::new().expect("there is memory"),
        Lock::new().expect("there is memory"),
    );
    let children = [
        Process::new(cross, (left.clone(), right.clone(), both.clone())).start(),
        Process::new(cross, (right, left, both)).start(),
    ];
    let stuck = children.map(|child| {
        child
            .expect("a process can be started")
            .join()
            .expect("it returns")
    });
    println!(
        "each has one lock and waits for the other: {}, {}",
        stuck[0], stuck[1]
    );
    // end region
}
