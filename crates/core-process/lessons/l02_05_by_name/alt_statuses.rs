//! Lesson 2.5, another right answer: every handle is kept, and each is asked its name and its status.

use core_process::{ChildHandle, Process, Status};

use super::check::{Job, next_question, work};

/// Starts the jobs, answers the questions, waits for all that is left.
pub fn serve(jobs: Vec<Job>) -> Vec<Vec<u32>> {
    let start = |job: Job| {
        let recipe = Process::new(work, job.clone()).name(job.name);
        recipe.start().expect("a process can be started").handle()
    };
    let children: Vec<ChildHandle> = jobs.into_iter().map(start).collect();
    let mut answers = Vec::new();
    while let Some(name) = next_question() {
        let runs = |child: &&ChildHandle| child.name() == name && child.status() == Status::Running;
        answers.push(children.iter().filter(runs).map(ChildHandle::pid).collect());
    }
    for child in children {
        child.wait().expect("it is our child");
    }
    answers
}
