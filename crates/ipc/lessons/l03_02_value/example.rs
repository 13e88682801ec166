//! Lesson 3.2, worked example: a value that two processes change, a structure, atomics, and an owner that is killed.

use std::sync::atomic::Ordering::Relaxed;

use core_process::{Process, shm::Shared};
use ipc::{RawValue, Value};

// region count
fn count(total: Value<u64>) {
    for _ in 0..1000 {
        total.with(|total| *total += 1).expect("nobody dies here");
    }
}
// end region

// region hits
fn hit(hits: RawValue<u64>) {
    for _ in 0..1000 {
        hits.atomic().fetch_add(1, Relaxed);
    }
}
// end region

// region point
#[repr(C)]
#[derive(Clone, Copy, Shared)]
struct Mean {
    sum: f64,
    count: u64,
}
// end region

fn add(mean: Value<Mean>, numbers: Vec<f64>) {
    for number in numbers {
        let mut mean = mean.lock().expect("nobody dies here");
        mean.sum += number;
        mean.count += 1;
    }
}

// region killed
fn killed_inside(level: Value<i32>) {
    let mut level = level.lock().expect("it is the first");
    *level = -1;
    core_process::exit_now(1); // as if it were killed: nothing is dropped
}
// end region

pub fn main() {
    core_process::init();

    // region start
    let total = Value::new(0).expect("a descriptor is free");
    let children = [(); 2].map(|()| Process::new(count, total.clone()).start());
    for child in children {
        child
            .expect("a process can be started")
            .join()
            .expect("it returns");
    }
    println!("counted: {}", total.get().expect("nobody dies here"));
    // end region

    let hits = RawValue::new(0).expect("a descriptor is free");
    let children = [(); 2].map(|()| Process::new(hit, hits.clone()).start());
    for child in children {
        child
            .expect("a process can be started")
            .join()
            .expect("it returns");
    }
    println!("hits: {}", hits.get());

    let mean = Value::new(Mean { sum: 0.0, count: 0 }).expect("a descriptor is free");
    let shares = [vec![1.0, 2.0], vec![3.0, 4.0, 5.0]];
    let children = shares.map(|share| Process::new(add, (mean.clone(), share)).start());
    for child in children {
        child
            .expect("a process can be started")
            .join()
            .expect("it returns");
    }
    let found = mean.get().expect("nobody dies here");
    println!("mean of {}: {}", found.count, found.sum / found.count as f64);

    // region wraps
    let small = Value::new(255_u8).expect("a descriptor is free");
    let sum = small
        .with(|small| small.checked_add(1))
        .expect("nobody dies here");
    println!("255 + 1 in a u8: {sum:?}");
    // end region

    // region repaired
    let level = Value::new(7).expect("a descriptor is free");
    let child = Process::new(killed_inside, level.clone())
        .start()
        .expect("a process can be started");
    child.wait().expect("it is our child");
    match level.get() {
        Ok(level) => println!("level {level}"),
        Err(died) => {
            println!("pid {} died inside and left {}", died.pid(), **died.guard());
            *died.repaired() = 7;
        }
    }
    println!("repaired: {}", level.get().expect("it is repaired"));
    // end region
}
