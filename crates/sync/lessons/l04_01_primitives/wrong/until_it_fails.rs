//! expect: HANG
//! Tries orders at random until one fails. That finds what is common, and it never says that there is nothing to find.

use std::hash::{BuildHasher, RandomState};

use grader::replay::Run;

use super::check::Puzzle;

pub fn schedule(puzzle: Puzzle) -> Option<Vec<&'static str>> {
    let program = puzzle.program();
    // region answer
    loop {
        let mut run = Run::new(&program);
        let mut steps = Vec::new();
        while !run.is_over() {
            let ready = run.ready();
            let chance = RandomState::new().hash_one(steps.len()) as usize;
            let step = ready[chance % ready.len()];
            run.step(step).expect("it was ready");
            steps.push(step);
        }
        if run.failure().is_some() {
            return Some(steps);
        }
    }
    // end region
}
