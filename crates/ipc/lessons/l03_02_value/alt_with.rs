//! Lesson 3.2, another right answer: all jobs are prepared first, and each step is a closure of `with`, or is made by the guard that a dead
//! worker left.

use ipc::Value;

use super::check::{Job, Step, prepare, rule};

/// What a worker does.
pub fn play(score: &Value<u64>, jobs: Vec<Job>, limit: u64) {
    let steps: Vec<Step> = jobs.into_iter().map(prepare).collect();
    for step in steps {
        if let Err(died) = score.with(|score| *score = rule(step, *score, limit)) {
            let mut left = died.repaired();
            *left = rule(step, *left, limit);
        }
    }
}
