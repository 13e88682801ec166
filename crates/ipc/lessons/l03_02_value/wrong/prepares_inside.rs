//! expect: SERIAL
//! A job is one piece of work, so it is done under one lock, its preparation included.

use ipc::Value;

use super::check::{Job, prepare, rule};

pub fn play(score: &Value<u64>, jobs: Vec<Job>, limit: u64) {
    for job in jobs {
        // region inside
        let mut score = score.lock().unwrap_or_else(|died| died.repaired());
        *score = rule(prepare(job), *score, limit);
        // end region
    }
}
