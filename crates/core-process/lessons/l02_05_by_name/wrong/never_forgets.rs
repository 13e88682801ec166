//! expect: WRONG
//! Names and pids are written down at the start, and nobody crosses out a child that has ended.

use core_process::{Process, active_children};

use super::check::{Job, next_question, work};

pub fn serve(jobs: Vec<Job>) -> Vec<Vec<u32>> {
    let mut register: Vec<(String, u32)> = Vec::new();
    for job in jobs {
        let recipe = Process::new(work, job.clone()).name(&job.name);
        register.push((job.name, recipe.start().expect("a process can be started").pid()));
    }
    let mut answers = Vec::new();
    while let Some(name) = next_question() {
        let named = register.iter().filter(|(known, _)| *known == name);
        answers.push(named.map(|(_, pid)| *pid).collect());
    }
    for child in active_children() {
        child.wait().expect("it is our child");
    }
    answers
}
