//! expect: CRASH
//! `unwrap`, as everybody writes it after `lock` of a `std::sync::Mutex`. Here the error says that a process was killed, which happens.

use ipc::Value;

use super::check::{Job, prepare, rule};

pub fn play(score: &Value<u64>, jobs: Vec<Job>, limit: u64) {
    for job in jobs {
        let step = prepare(job);
        score.with(|score| *score = rule(step, *score, limit)).unwrap();
    }
}
