//! expect: NOT_A_PROCESS
//! The job is called, and what is named is the recipe, which is never started.

use core_process::{Process, find_by_name};

use super::check::{Job, next_question, work};

pub fn serve(jobs: Vec<Job>) -> Vec<Vec<u32>> {
    for job in jobs {
        let _named = Process::new(work, job.clone()).name(job.name.clone());
        work(job);
    }
    let mut answers = Vec::new();
    while let Some(name) = next_question() {
        answers.push(find_by_name(&name).iter().map(|child| child.pid()).collect());
    }
    answers
}
