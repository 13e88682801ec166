//! Lesson 3.2, solution.

use ipc::Value;

use super::check::{Job, prepare, rule};

/// What a worker does.
pub fn play(score: &Value<u64>, jobs: Vec<Job>, limit: u64) {
    for job in jobs {
        let step = prepare(job);
        // A worker that was killed has written nothing or all: the score is whole.
        let mut score = score.lock().unwrap_or_else(|died| died.repaired());
        *score = rule(step, *score, limit);
    }
}
