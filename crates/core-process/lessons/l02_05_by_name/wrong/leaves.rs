//! expect: LEAK_ZOMBIE
//! All questions are answered, so the function returns. The children of the last question were told to end, and nobody looked.

use core_process::{Process, find_by_name};

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
    answers
}
