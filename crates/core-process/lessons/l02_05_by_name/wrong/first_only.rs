//! expect: WRONG
//! Looking somebody up by name gives one, in a phone book as in a map. But here a name may be had by many.

use core_process::{Process, active_children, find_by_name};

use super::check::{Job, next_question, work};

pub fn serve(jobs: Vec<Job>) -> Vec<Vec<u32>> {
    for job in jobs {
        let recipe = Process::new(work, job.clone()).name(job.name);
        recipe.start().expect("a process can be started");
    }
    let mut answers = Vec::new();
    while let Some(name) = next_question() {
        answers.push(
            find_by_name(&name)
                .first()
                .map(|child| child.pid())
                .into_iter()
                .collect(),
        );
    }
    for child in active_children() {
        child.wait().expect("it is our child");
    }
    answers
}
