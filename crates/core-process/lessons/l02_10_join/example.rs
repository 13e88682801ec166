//! Lesson 2.10, worked example: join, join again, join with a limit, join many.

use std::time::Duration;

use core_process::{JoinError, Process, Until, active_children, join_all};

fn square(n: u64) -> u64 {
    n * n
}

pub fn main() {
    core_process::init();

    // region again
    let child = Process::new(square, 12)
        .start()
        .expect("a process can be started");
    println!("joined: {}", child.join().expect("it returns"));
    println!("joined again: {}", child.join().expect("it returns"));
    println!("children left: {}", active_children().len());
    // end region

    // region limit
    let sleeper = Process::new(std::thread::park, ())
        .start()
        .expect("a process can be started");
    match sleeper.join_timeout(Duration::from_millis(20)) {
        Ok(()) => println!("it woke up by itself"),
        Err(JoinError::TimedOut) => println!("not yet; alive: {}", sleeper.is_alive()),
        Err(JoinError::Stopped) => println!("somebody stopped the wait"),
        Err(JoinError::Failed(error)) => println!("{error}"),
    }
    sleeper.terminate().expect("it is our child");
    println!("{}", sleeper.join().expect_err("it was terminated"));
    // end region

    // region many
    let children: Vec<_> = (1..=4)
        .map(|n| Process::new(square, n).start().expect("a process can be started"))
        .collect();
    let mut all = join_all(&children, Until::forever());
    all.finished.sort_by_key(|(place, _)| *place);
    let squares: Vec<u64> = all
        .finished
        .into_iter()
        .filter_map(|(_, result)| result.ok())
        .collect();
    println!("{squares:?}");
    // end region
}
