//! Right answers.

use core_process::{Child, Process};

use super::check::{Task, square};

pub fn all_at_once(tasks: Vec<Task>) -> Vec<u64> {
    let children: Vec<Child<u64>> = tasks
        .into_iter()
        .map(|task| Process::new(square, task).start().unwrap())
        .collect();
    children.iter().map(|child| child.join().unwrap()).collect()
}
