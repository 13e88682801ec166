//! Lesson 3.2, another right answer: as in Python, the lock is held around a `get` and a `set`, which take it once more each.

use ipc::Value;

use super::check::{Job, prepare, rule};

/// What a worker does.
pub fn play(score: &Value<u64>, jobs: Vec<Job>, limit: u64) {
    for job in jobs {
        let step = prepare(job);
        let _held = score.hold().unwrap_or_else(|died| died.repaired());
        let before = score.get().expect("it is repaired, and the lock is mine");
        score
            .set(rule(step, before, limit))
            .expect("it is repaired, and the lock is mine");
    }
}
