//! Lesson 2.5, exercise: start jobs under their names, then say again and again who runs under a name.

use super::check::{Job, next_question};

/// Starts the jobs by `super::check::work`, answers each question by pids, and leaves no child behind.
pub fn serve(jobs: Vec<Job>) -> Vec<Vec<u32>> {
    // Start each job under `job.name`. Then, for each question, name all children that run under that name now.
    let _ = jobs;
    let mut answers = Vec::new();
    while let Some(_name) = next_question() {
        answers.push(Vec::new());
    }
    answers
}
