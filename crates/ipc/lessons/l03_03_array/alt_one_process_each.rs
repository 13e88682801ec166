//! Lesson 3.3, another right answer: one process for both passes of a part. It says its sum by one pipe, and by another one it is told what
//! stands in front of it.

use core_process::Process;
use ipc::{Array, Part, Receiver, Sender, pipe};

use super::check::{scan, shift};

/// Replaces every cell by the sum of all cells up to it.
pub fn prefix_sums(cells: &Array<u64>, workers: usize) {
    let mut children = Vec::new();
    for part in cells.split(workers).expect("nobody died with it") {
        let (to_us, sum) = pipe().expect("a descriptor is free");
        let (before, to_child) = pipe().expect("a descriptor is free");
        let child = Process::new(work, (part, to_us, to_child));
        children.push((child.start().expect("it starts"), sum, before));
    }
    let mut before_part = 0;
    for (_, sum, before) in &children {
        let sum = sum.recv().expect("it says its sum");
        before.send(&before_part).expect("it waits for it");
        before_part += sum;
    }
    for (child, ..) in children {
        child.join().expect("it returns");
    }
}

fn work(mut part: Part<u64>, sum: Sender<u64>, before: Receiver<u64>) {
    let values = part.slice().expect("it is mine");
    sum.send(&scan(values)).expect("somebody listens");
    shift(values, before.recv().expect("somebody tells"));
}
