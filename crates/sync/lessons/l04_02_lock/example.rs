//! Lesson 4.2, worked example: what a lock lets through, how long a guard lives, and what an heir is told.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use core_process::shm::Segment;
use core_process::{Process, Stdio};
use sync::{Guard, Lock};

// region count
/// Adds 1 to the number, so many times, by a read and a write.
fn count(times: u32, number: Segment, lock: Lock) {
    for _ in 0..times {
        let _guard = lock.lock().expect("nobody dies here");
        let value = number.atomic_u64(0).load(Relaxed);
        number.atomic_u64(0).store(value + 1, Relaxed);
    }
}
// end region

// region die
/// Changes one of two numbers that belong together, and dies with the lock.
fn half(pair: Segment, lock: Lock) {
    let _guard = lock.lock().expect("nobody has died yet");
    pair.atomic_u64(0).store(1, Relaxed);
    std::process::abort();
}
// end region

pub fn main() {
    core_process::init();

    // region together
    let number = Segment::create("number", 8).expect("there is memory");
    let lock = Lock::new().expect("a descriptor is free");
    let counters = [1, 2].map(|_| {
        let number = number.try_clone().expect("a descriptor is free");
        Process::new(count, (1000, number, lock.clone())).start()
    });
    for counter in counters {
        counter
            .expect("a process can be started")
            .join()
            .expect("it returns");
    }
    println!("counted: {}", number.atomic_u64(0).load(Relaxed));
    // end region

    // region twice
    let guard = lock.lock().expect("nobody has died");
    println!("again: {}", lock.try_lock().expect_err("it is mine"));
    println!(
        "again: {}",
        lock.lock_timeout(Duration::from_millis(10))
            .expect_err("it is mine")
    );
    drop(guard);
    println!("free: {}", !lock.is_locked());
    // end region

    // region underscore
    let _guard = lock.lock();
    println!("with a name it is held: {}", lock.is_locked());
    drop(_guard);
    let _ = lock.lock();
    println!("without one it is held: {}", lock.is_locked());
    // end region

    // region heir
    let pair = Segment::create("pair", 16).expect("there is memory");
    let copy = pair.try_clone().expect("a descriptor is free");
    let child = Process::new(half, (copy, lock.clone()))
        .stderr(Stdio::null())
        .start();
    child
        .expect("a process can be started")
        .wait()
        .expect("it is our child");
    println!("it died inside, and the lock is taken: {}", lock.is_locked());

    let guard: Guard<'_> = match lock.lock() {
        Ok(guard) => guard,
        Err(died) => {
            println!("mine, and I am told");
            pair.atomic_u64(0)
                .store(pair.atomic_u64(8).load(Relaxed), Relaxed);
            died.repaired()
        }
    };
    println!(
        "the pair is a pair: {}",
        pair.read_bytes(0, 8) == pair.read_bytes(8, 8)
    );
    drop(guard);
    println!("the next one is told nothing: {}", lock.lock().is_ok());
    // end region
}
