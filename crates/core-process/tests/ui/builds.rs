//! The right forms of what the other files do wrong.
use core_process::{ForkProcess, Process};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Job {
    name: String,
}

fn length(job: Job) -> usize {
    job.name.len()
}

fn main() {
    core_process::init();
    let name = String::from("sum");
    let child = Process::new(length, Job { name: name.clone() }).start().unwrap();
    assert_eq!(child.join(), Ok(3));
    let child = ForkProcess::new(|| name.len()).start().unwrap();
    assert_eq!(child.join(), Ok(3));
}
