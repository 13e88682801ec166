//! expect: HANG
//! `wait` gives the status, and the status says whether the child runs. But `wait` gives it when the child has ended.

use core_process::{Child, Process, Status};

use super::check::{Job, next_question, work};

pub fn serve(jobs: Vec<Job>) -> Vec<Vec<u32>> {
    let start = |job: Job| {
        let recipe = Process::new(work, job.clone()).name(job.name);
        recipe.start().expect("a process can be started")
    };
    let children: Vec<Child<()>> = jobs.into_iter().map(start).collect();
    let mut answers = Vec::new();
    while let Some(name) = next_question() {
        let named = children.iter().filter(|child| child.name() == name);
        let running = named.filter(|child| child.wait() == Ok(Status::Running));
        answers.push(running.map(|child| child.pid()).collect());
    }
    answers
}
