//! Lesson 3.3, worked example: an array that is locked, a bound that holds, parts for two processes, a text, and votes without a lock.

use std::sync::atomic::Ordering::Relaxed;

use core_process::Process;
use ipc::{Array, Part, RawArray};

// region square
fn square(mut part: Part<u64>) -> usize {
    for value in part.slice().expect("it is mine") {
        *value *= *value;
    }
    part.len()
}
// end region

// region reverse
fn reverse(cells: Array<u64>) {
    let mut cells = cells.lock().expect("nobody dies here");
    cells.reverse(); // a plain `&mut [u64]`
}
// end region

// region vote
fn vote(votes: RawArray<u32>, ballots: Vec<usize>) {
    for ballot in ballots {
        votes.atomics()[ballot].fetch_add(1, Relaxed);
    }
}
// end region

pub fn main() {
    core_process::init();

    // region locked
    let cells = Array::from_values(1..=5).expect("a descriptor is free");
    let child = Process::new(reverse, cells.clone()).start();
    child
        .expect("a process can be started")
        .join()
        .expect("it returns");
    println!("{:?}", &*cells.lock().expect("nobody dies here"));
    // end region

    // region bounds
    match cells.get(5) {
        Ok(value) => println!("cell 5: {value}"),
        Err(error) => println!("no: {error}"),
    }
    match cells.write(0..3, &[7, 7]) {
        Ok(()) => println!("written"),
        Err(error) => println!("no: {error}"),
    }
    // end region

    // region parts
    let parts = cells.split(2).expect("nobody dies here");
    let children: Vec<_> = parts
        .into_iter()
        .map(|part| Process::new(square, part).start())
        .collect();
    for child in children {
        let child = child.expect("a process can be started");
        println!("squared {}", child.join().expect("it returns"));
    }
    println!("{:?}", &*cells.lock().expect("nobody holds a part"));
    // end region

    // region twice
    let recipe = Process::new(square, cells.split(1).expect("nobody dies here").remove(0));
    let mut mine = cells.split(1).expect("nobody dies here").remove(0);
    mine.slice().expect("it is mine")[0] = 1;
    let child = recipe.start().expect("a process can be started");
    match child.join() {
        Ok(_) => println!("two have the same cells"),
        Err(_) => println!("the second one is refused"),
    }
    drop(mine);
    // end region

    // region text
    let name = Array::zeroed(8).expect("a descriptor is free");
    name.set_text(b"worker").expect("it fits");
    println!(
        "{}",
        String::from_utf8_lossy(&name.text().expect("nobody dies here"))
    );
    // end region

    // region votes
    let votes = RawArray::zeroed(3).expect("a descriptor is free");
    let ballots = [vec![0, 1, 1], vec![1, 2, 1]];
    let children = ballots.map(|ballots| Process::new(vote, (votes.clone(), ballots)).start());
    for child in children {
        child
            .expect("a process can be started")
            .join()
            .expect("it returns");
    }
    println!("votes: {:?}", votes.read(0..3).expect("they are there"));
    // end region
}
