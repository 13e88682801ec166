//! expect: WRONG
//! `len / workers` cells for each worker: right whenever it divides. What is left over belongs to nobody.

use std::ops::Range;

use core_process::Process;
use ipc::Array;

use super::check::{scan, shift};

pub fn prefix_sums(cells: &Array<u64>, workers: usize) {
    // region lost
    let each = cells.len() / workers;
    let ranges: Vec<Range<usize>> = (0..workers)
        .map(|worker| worker * each..(worker + 1) * each)
        .collect();
    // end region
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

fn scan_range(cells: Array<u64>, range: Range<usize>) -> u64 {
    let mut copy = cells.read(range.clone()).expect("they are there");
    let sum = scan(&mut copy);
    cells.write(range, &copy).expect("they are there");
    sum
}

fn shift_range(cells: Array<u64>, range: Range<usize>, by: u64) {
    let mut copy = cells.read(range.clone()).expect("they are there");
    shift(&mut copy, by);
    cells.write(range, &copy).expect("they are there");
}
