//! expect: WRONG
//! A map from name to child is what comes to mind first. A second child of the same name takes the place of the first.

use std::collections::HashMap;

use core_process::{Child, Process, active_children};

use super::check::{Job, next_question, work};

// region answer
pub fn serve(jobs: Vec<Job>) -> Vec<Vec<u32>> {
    let mut register: HashMap<String, Child<()>> = HashMap::new();
    for job in jobs {
        let recipe = Process::new(work, job.clone()).name(&job.name);
        register.insert(job.name, recipe.start().expect("a process can be started"));
    }
    let mut answers = Vec::new();
    while let Some(name) = next_question() {
        let child = register.get(&name).filter(|child| child.is_alive());
        answers.push(child.map(|child| child.pid()).into_iter().collect());
    }
    for child in active_children() {
        child.wait().expect("it is our child");
    }
    answers
}
// end region
