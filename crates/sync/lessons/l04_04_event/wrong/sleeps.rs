//! expect: RACE
//! A tenth of a second should be enough for all to come to the line. No length of a sleep is a signal.

use std::time::Duration;

use core_process::{Child, Process};
use sync::Event;

use super::check::{Runner, lap, ready, step_up, watch_the_race};

fn run(runner: Runner, stop: Event) -> u64 {
    step_up(&runner);
    // region sleeps
    std::thread::sleep(Duration::from_millis(100));
    // end region
    let mut laps = 0;
    while !stop.is_set() {
        lap(&runner);
        laps += 1;
    }
    laps
}

pub fn race(runners: Vec<Runner>) -> Vec<Option<u64>> {
    let stop = Event::new().expect("a descriptor is free");
    let children: Vec<Child<u64>> = runners
        .into_iter()
        .map(|runner| Process::new(run, (runner, stop.clone())).start())
        .map(|child| child.expect("a process can be started"))
        .collect();
    ready(&children);
    watch_the_race();
    stop.set();
    children.iter().map(|child| child.join().ok()).collect()
}
