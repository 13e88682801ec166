//! expect: LIMIT
//! `/proc/self/status` lists the cores of the process. There is no such thing: the list is its main thread's, and the caller may
//! be another.

use super::check::{Kind, WAITING_PER_CORE};

pub fn plan_workers(kind: Kind, n_items: usize) -> usize {
    let per_core = match kind {
        Kind::Computes => 1,
        Kind::Waits => WAITING_PER_CORE,
    };
    (allowed() * per_core).min(n_items).max(1)
}

fn allowed() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("there is a /proc");
    let list = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))
        .expect("it has this line");
    list.trim()
        .split(',')
        .map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let number = |text: &str| text.parse::<usize>().expect("it is a number");
            number(last) - number(first) + 1
        })
        .sum()
}
