//! expect: WRONG
//! The questions are over, so the children are killed. They were told to end, and would have done so by themselves.

use core_process::{Process, active_children, find_by_name};

use super::check::{Job, next_question, work};

pub fn serve(jobs: Vec<Job>) -> Vec<Vec<u32>> {
    for job in jobs {
        let recipe = Process::new(work, job.clone()).name(job.name);
        recipe.start().expect("a process can be started");
    }
    let mut answers = Vec::new();
    while let Some(name) = next_question() {
        answers.push(find_by_name(&name).iter().map(|child| child.pid()).collect());
    }
    for child in active_children() {
        child.kill().expect("it is our child");
        child.wait().expect("it is our child");
    }
    answers
}
