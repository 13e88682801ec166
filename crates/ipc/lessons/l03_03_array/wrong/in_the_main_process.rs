//! expect: NOT_A_PROCESS
//! The parts are slices like any other, and a loop over them gives the right sums.

use ipc::Array;

use super::check::{scan, shift};

pub fn prefix_sums(cells: &Array<u64>, workers: usize) {
    let mut before = 0;
    for mut part in cells.split(workers).expect("nobody died with it") {
        let values = part.slice().expect("it is mine");
        let sum = scan(values);
        shift(values, before);
        before += sum;
    }
}
