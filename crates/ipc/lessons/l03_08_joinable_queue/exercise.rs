//! Lesson 3.8, exercise: jobs that may fail, workers that may be killed, and one moment at which everything is done.

use super::check::{Job, all_done};

/// Lets so many workers, each in a process of its own, attempt the jobs, and calls `all_done` when every job is done or given up.
pub fn run(jobs: Vec<Job>, workers: usize) {
    // A worker, for each job that it gets: `attempt(&job)`. If it failed: again, by whichever worker, at most three attempts in all, and
    // then `give_up(&job)`. An attempt in which a worker was killed counts.
    // The main process: put the jobs, wait until every one is done or given up, `all_done()`, and let the workers end.
    drop((jobs, workers));
    all_done();
}
