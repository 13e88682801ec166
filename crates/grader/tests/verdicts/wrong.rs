//! Wrong answers.

use core_process::Process;

use super::check::{Task, square};

pub fn one_by_one(tasks: Vec<Task>) -> Vec<u64> {
    tasks
        .into_iter()
        .map(|task| Process::new(square, task).start().unwrap().join().unwrap())
        .collect()
}
