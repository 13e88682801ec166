//! expect: SERIAL
//! Shared memory needs a lock, so the worker takes it, for as long as it works.

use std::ops::Range;

use core_process::Process;
use ipc::Array;

use super::check::{scan, shift};

pub fn prefix_sums(cells: &Array<u64>, workers: usize) {
    let edge = |worker: usize| cells.len() * worker / workers;
    let ranges: Vec<Range<usize>> = (0..workers)
        .map(|worker| edge(worker)..edge(worker + 1))
        .collect();
    let scans: Vec<_> = ranges
        .iter()
        .map(|range| Process::new(scan_range, (cells.clone(), range.clone())).start())
        .collect();
    let sums: Vec<u64> = scans
        .into_iter()
        .map(|child| child.expect("it starts").join().expect("it returns"))
        .collect();
    let mut before = 0;
    let mut shifts = Vec::new();
    for (range, sum) in ranges.into_iter().zip(sums) {
        shifts.push(Process::new(shift_range, (cells.clone(), range, before)).start());
        before += sum;
    }
    for child in shifts {
        child.expect("it starts").join().expect("it returns");
    }
}

// region lock
fn scan_range(cells: Array<u64>, range: Range<usize>) -> u64 {
    let mut cells = cells.lock().expect("nobody died with it");
    scan(&mut cells[range])
}
// end region

fn shift_range(cells: Array<u64>, range: Range<usize>, by: u64) {
    let mut cells = cells.lock().expect("nobody died with it");
    shift(&mut cells[range], by);
}
