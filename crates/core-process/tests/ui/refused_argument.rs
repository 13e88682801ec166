//! An argument that serde cannot copy.
//! says: the trait bound `Job: serde::Serialize` is not satisfied
//! says: consider adding `#[derive(serde::Serialize)]` to your `Job` type
use core_process::Process;

struct Job {
    name: String,
}

fn length(job: Job) -> usize {
    job.name.len()
}

fn main() {
    core_process::init();
    let job = Job { name: String::from("sum") };
    Process::new(length, job).start().unwrap();
}
