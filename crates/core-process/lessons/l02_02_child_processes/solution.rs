//! Lesson 2.2, solution: start while there is room, then wait for whichever child ends first.

use core_process::{Child, Process, Status, Until, wait_any};

use super::check::{Job, work};

/// Runs the jobs, no more than `width` at a time.
pub fn run_jobs(jobs: Vec<Job>, width: usize) -> Vec<Status> {
    let mut statuses = vec![Status::Running; jobs.len()];
    let mut waiting = jobs.into_iter().enumerate();
    let mut running: Vec<(usize, Child<u64>)> = Vec::new();
    loop {
        while running.len() < width
            && let Some((place, job)) = waiting.next()
        {
            let child = Process::new(work, job).start().expect("a process can be started");
            running.push((place, child));
        }
        if running.is_empty() {
            return statuses;
        }
        let children: Vec<&Child<u64>> = running.iter().map(|(_, child)| child).collect();
        let ended = wait_any(&children, Until::forever()).expect("children can be waited for");
        // From the back, so that the positions before stay right.
        for position in ended.into_iter().rev() {
            let (place, child) = running.remove(position);
            statuses[place] = child.wait().expect("it is our child");
        }
    }
}
