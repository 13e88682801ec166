//! expect: WRONG
//! Nobody is to be left behind, so all are made daemons. A daemon may have no children, and some of the jobs have one.

use core_process::{Process, active_children, find_by_name};

use super::check::{Job, next_question, work};

pub fn serve(jobs: Vec<Job>) -> Vec<Vec<u32>> {
    for job in jobs {
        let recipe = Process::new(work, job.clone()).name(job.name).daemon();
        recipe.start().expect("a process can be started");
    }
    let mut answers = Vec::new();
    while let Some(name) = next_question() {
        answers.push(find_by_name(&name).iter().map(|child| child.pid()).collect());
    }
    for child in active_children() {
        child.wait().expect("it is our child");
    }
    answers
}
