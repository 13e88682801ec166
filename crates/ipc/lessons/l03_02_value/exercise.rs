//! Lesson 3.2, exercise: many workers make steps of one score.

use ipc::Value;

use super::check::{Job, prepare, rule};

/// What a worker does: for each job in turn `prepare` it, and make its step of the shared score: what `rule` makes of it. Other workers do
/// the same, at the same time.
pub fn play(score: &Value<u64>, jobs: Vec<Job>, limit: u64) {
    let mut mine = score.get().unwrap();
    for job in jobs {
        mine = rule(prepare(job), mine, limit);
    }
    // And now? The others have made steps, too.
}
