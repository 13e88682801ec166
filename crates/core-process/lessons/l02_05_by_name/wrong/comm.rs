//! expect: WRONG
//! The name that `ps` shows is looked for, as a script would. It is cut after 15 bytes, and others have it too.

use core_process::{Process, active_children};

use super::check::{Job, next_question, work};

pub fn serve(jobs: Vec<Job>) -> Vec<Vec<u32>> {
    for job in jobs {
        let recipe = Process::new(work, job.clone()).name(job.name);
        recipe.start().expect("a process can be started");
    }
    let mut answers = Vec::new();
    while let Some(name) = next_question() {
        let mut pids = Vec::new();
        for entry in std::fs::read_dir("/proc").expect("there is a /proc").flatten() {
            let comm = std::fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
            let pid = entry.file_name().to_string_lossy().parse::<u32>();
            if let Ok(pid) = pid
                && !comm.is_empty()
                && name.starts_with(comm.trim_end())
            {
                pids.push(pid);
            }
        }
        answers.push(pids);
    }
    for child in active_children() {
        child.wait().expect("it is our child");
    }
    answers
}
