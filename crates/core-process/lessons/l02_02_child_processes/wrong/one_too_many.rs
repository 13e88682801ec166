//! expect: LIMIT
//! "If there are more than `width`, wait": then one more than `width` is already running.

use core_process::{Child, Process, Status, Until, wait_any};

use super::check::{Job, work};

pub fn run_jobs(jobs: Vec<Job>, width: usize) -> Vec<Status> {
    let mut statuses = vec![Status::Running; jobs.len()];
    let mut running: Vec<(usize, Child<u64>)> = Vec::new();
    for (place, job) in jobs.into_iter().enumerate() {
        if running.len() > width {
            let children: Vec<&Child<u64>> = running.iter().map(|(_, child)| child).collect();
            let ended = wait_any(&children, Until::forever()).expect("children can be waited for");
            for position in ended.into_iter().rev() {
                let (place, child) = running.remove(position);
                statuses[place] = child.wait().expect("it is our child");
            }
        }
        running.push((
            place,
            Process::new(work, job).start().expect("a process can be started"),
        ));
    }
    for (place, child) in running {
        statuses[place] = child.wait().expect("it is our child");
    }
    statuses
}
