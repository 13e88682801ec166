//! expect: WRONG
//! The race is over, so the runners are ended: `kill` is the shortest way to stop a process. What it knew ends with it.

use core_process::{Child, Process};
use sync::Event;

use super::check::{Runner, lap, ready, step_up, watch_the_race};

fn run(runner: Runner, start: Event) -> u64 {
    step_up(&runner);
    start.wait();
    let mut laps = 0;
    loop {
        lap(&runner);
        laps += 1;
        if laps == u64::MAX {
            return laps;
        }
    }
}

pub fn race(runners: Vec<Runner>) -> Vec<Option<u64>> {
    let start = Event::new().expect("a descriptor is free");
    let children: Vec<Child<u64>> = runners
        .into_iter()
        .map(|runner| Process::new(run, (runner, start.clone())).start())
        .map(|child| child.expect("a process can be started"))
        .collect();
    ready(&children);
    start.set();
    watch_the_race();
    for child in &children {
        child.kill().expect("it is our child");
    }
    children.iter().map(|child| child.join().ok()).collect()
}
