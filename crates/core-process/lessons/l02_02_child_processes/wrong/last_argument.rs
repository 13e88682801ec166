//! expect: WRONG
//! The recipe is made once and kept outside of the loop, so every child gets the argument of one and the same job.

use core_process::{Child, Process, Status, Until, wait_any};

use super::check::{Job, work};

pub fn run_jobs(jobs: Vec<Job>, width: usize) -> Vec<Status> {
    let Some(last) = jobs.last().cloned() else {
        return Vec::new();
    };
    let recipe = Process::new(work, last);
    let mut statuses = Vec::new();
    let mut running: Vec<Child<u64>> = Vec::new();
    for _ in &jobs {
        if running.len() == width {
            let ended = wait_any(&running, Until::forever()).expect("children can be waited for");
            statuses.push(running.remove(ended[0]).wait().expect("it is our child"));
        }
        running.push(recipe.start().expect("a process can be started"));
    }
    statuses.extend(running.iter().map(|child| child.wait().expect("it is our child")));
    statuses
}
