//! expect: WRONG
//! `*score.lock()` is the value, so `let mut now = *score.lock()` is taken for the value, too. A number is copied by `=`.

use ipc::Value;

use super::check::{Job, prepare, rule};

pub fn play(score: &Value<u64>, jobs: Vec<Job>, limit: u64) {
    let mut now = *score.lock().unwrap_or_else(|died| died.repaired());
    for job in jobs {
        now = rule(prepare(job), now, limit);
    }
}
