//! expect: SERIAL
//! When all places are taken, the last of the vector is popped and waited for. It may be the one that takes long.

use core_process::{Child, Process, Status};

use super::check::{Job, work};

pub fn run_jobs(jobs: Vec<Job>, width: usize) -> Vec<Status> {
    let mut statuses = vec![Status::Running; jobs.len()];
    let mut running: Vec<(usize, Child<u64>)> = Vec::new();
    for (place, job) in jobs.into_iter().enumerate() {
        if running.len() == width
            && let Some((ended, child)) = running.pop()
        {
            statuses[ended] = child.wait().expect("it is our child");
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
