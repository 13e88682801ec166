//! expect: RACE
//! The lock is taken twice in all instead of once a step: the steps are made of a copy, and what has come of them is added at the end.
//! For adding that would be right.

use ipc::Value;

use super::check::{Job, prepare, rule};

pub fn play(score: &Value<u64>, jobs: Vec<Job>, limit: u64) {
    // region copy
    let begin = score.get().unwrap_or_else(|died| *died.repaired());
    let mut mine = begin;
    for job in jobs {
        mine = rule(prepare(job), mine, limit);
    }
    let mut score = score.lock().unwrap_or_else(|died| died.repaired());
    *score += mine - begin;
    // end region
}
