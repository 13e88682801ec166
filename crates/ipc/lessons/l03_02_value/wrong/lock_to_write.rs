//! expect: LOST_UPDATE
//! Only writing changes anything, so only writing is locked: a short section, as one should have. What is written was computed before.

use ipc::Value;

use super::check::{Job, prepare, rule};

pub fn play(score: &Value<u64>, jobs: Vec<Job>, limit: u64) {
    for job in jobs {
        let step = prepare(job);
        let before = *score.lock().unwrap_or_else(|died| died.repaired());
        let after = rule(step, before, limit);
        let mut score = score.lock().unwrap_or_else(|died| died.repaired());
        *score = after;
    }
}
