//! expect: HANG
//! The last cell of the part in front says by how much to shift, and the array is there to be asked. But it is locked when nobody holds a
//! part, and the worker holds one.

use core_process::Process;
use ipc::{Array, Part};

use super::check::{scan, shift};

pub fn prefix_sums(cells: &Array<u64>, workers: usize) {
    let parts = cells.split(workers).expect("nobody died with it");
    let children: Vec<_> = parts
        .into_iter()
        .map(|part| Process::new(work, (part, cells.clone())).start())
        .collect();
    for child in children {
        child.expect("it starts").join().expect("it returns");
    }
}

// region asks
fn work(mut part: Part<u64>, cells: Array<u64>) {
    let start = part.range().start;
    let values = part.slice().expect("it is mine");
    scan(values);
    if start > 0 {
        shift(values, cells.get(start - 1).expect("it is there"));
    }
}
// end region
