//! expect: HANG
//! The main process wants to know that all are there, and counts: one `set` of each runner, one `wait` for each. An event is no counter: two sets are one.

use core_process::{Child, Process};
use sync::Event;

use super::check::{Runner, lap, ready, step_up, watch_the_race};

fn run(runner: Runner, there: Event, start: Event, stop: Event) -> u64 {
    step_up(&runner);
    there.set();
    start.wait();
    let mut laps = 0;
    while !stop.is_set() {
        lap(&runner);
        laps += 1;
    }
    laps
}

pub fn race(runners: Vec<Runner>) -> Vec<Option<u64>> {
    let there = Event::new().expect("a descriptor is free");
    let start = Event::new().expect("a descriptor is free");
    let stop = Event::new().expect("a descriptor is free");
    let children: Vec<Child<u64>> = runners
        .into_iter()
        .map(|runner| Process::new(run, (runner, there.clone(), start.clone(), stop.clone())).start())
        .map(|child| child.expect("a process can be started"))
        .collect();
    // region counts
    for _ in &children {
        there.wait();
        there.clear();
    }
    // end region
    ready(&children);
    start.set();
    watch_the_race();
    stop.set();
    children.iter().map(|child| child.join().ok()).collect()
}
