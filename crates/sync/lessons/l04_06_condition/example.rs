//! Lesson 4.6, worked example: readers sleep until there is a letter for them, and one of them is killed in its sleep.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use core_process::Process;
use core_process::shm::Segment;
use sync::Condition;

/// The letter in the shared memory, 0 for none.
fn letter(memory: &Segment) -> &AtomicU64 {
    memory.atomic_u64(0)
}

/// How many readers have come.
fn readers(memory: &Segment) -> &AtomicU64 {
    memory.atomic_u64(8)
}

// region read
/// Takes the letter, as soon as there is one.
fn read(memory: Segment, changed: Condition) -> u64 {
    let mut guard = changed.lock().expect("nobody dies with the lock");
    readers(&memory).fetch_add(1, Relaxed);
    guard.notify_all();
    while letter(&memory).load(Relaxed) == 0 {
        guard.wait().expect("nobody dies with the lock");
    }
    letter(&memory).swap(0, Relaxed)
}
// end region

pub fn main() {
    core_process::init();
    // region start
    let memory = Segment::create("letterbox", 16).expect("there is memory for two numbers");
    let changed = Condition::new().expect("there is memory for a condition");
    let same_memory = memory.try_clone().expect("a descriptor is free");
    let reader = Process::new(read, (same_memory, changed.clone()));
    let first = reader.start().expect("a process can be started");
    let second = reader.start().expect("a process can be started");
    // end region

    // region asleep
    let mut guard = changed.lock().expect("nobody dies with the lock");
    guard
        .wait_for(|| readers(&memory).load(Relaxed) == 2)
        .expect("nobody dies with the lock");
    println!("both have looked, and {} sleep", guard.waiting());
    // end region

    // region killed
    first.kill().expect("it is our child");
    first.wait().expect("it is our child");
    println!("one is killed, and {} sleeps", guard.waiting());
    letter(&memory).store(25, Relaxed);
    guard.notify_one();
    drop(guard);
    println!("the other one has letter {}", second.join().expect("it returns"));
    // end region

    // region forgotten
    let mut guard = changed.lock().expect("nobody dies with the lock");
    guard.notify_all();
    match guard.wait_timeout(Duration::from_millis(1)) {
        Ok(()) => println!("a notice was kept"),
        Err(error) => println!("nobody slept when notice was given, so now {error}"),
    }
    // end region
}
