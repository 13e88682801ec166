//! expect: WRONG
//! Whoever has an entry in `/proc` lives, it seems. A dead child has one until its parent has taken its status.

use core_process::{Child, Process};

use super::check::{Job, next_question, work};

pub fn serve(jobs: Vec<Job>) -> Vec<Vec<u32>> {
    let start = |job: Job| {
        let recipe = Process::new(work, job.clone()).name(job.name);
        recipe.start().expect("a process can be started")
    };
    let children: Vec<Child<()>> = jobs.into_iter().map(start).collect();
    let mut answers = Vec::new();
    while let Some(name) = next_question() {
        let lives = |child: &&Child<()>| std::path::Path::new(&format!("/proc/{}", child.pid())).exists();
        let named = children.iter().filter(|child| child.name() == name);
        answers.push(named.filter(lives).map(|child| child.pid()).collect());
    }
    for child in children {
        child.wait().expect("it is our child");
    }
    answers
}
