//! expect: WRONG
//! The guard is taken out of the error, and all goes on. Nobody has said that the score is whole, so everybody is told of the death for ever.

use ipc::Value;

use super::check::{Job, prepare, rule};

pub fn play(score: &Value<u64>, jobs: Vec<Job>, limit: u64) {
    for job in jobs {
        let step = prepare(job);
        let mut score = score.lock().unwrap_or_else(|died| died.into_guard());
        *score = rule(step, *score, limit);
    }
}
