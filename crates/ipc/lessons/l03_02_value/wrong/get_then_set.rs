//! expect: LOST_UPDATE
//! `get` takes the lock, and `set` does, so what stands between them is taken for locked, too.

use ipc::Value;

use super::check::{Job, prepare, rule};

pub fn play(score: &Value<u64>, jobs: Vec<Job>, limit: u64) {
    for job in jobs {
        let step = prepare(job);
        // region two
        let before = score.get().unwrap_or_else(|died| *died.repaired());
        let after = rule(step, before, limit);
        if let Err(died) = score.set(after) {
            *died.repaired() = after;
        }
        // end region
    }
}
