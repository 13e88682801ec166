//! expect: LIMIT
//! "Is it set? Is it set?" A loop that asks is what everybody knows, and it takes a whole core to do nothing.

use core_process::{Child, Process};
use sync::Event;

use super::check::{Runner, lap, ready, step_up, watch_the_race};

fn run(runner: Runner, start: Event, stop: Event) -> u64 {
    step_up(&runner);
    // region polls
    while !start.is_set() {
        std::thread::yield_now();
    }
    // end region
    let mut laps = 0;
    while !stop.is_set() {
        lap(&runner);
        laps += 1;
    }
    laps
}

pub fn race(runners: Vec<Runner>) -> Vec<Option<u64>> {
    let start = Event::new().expect("a descriptor is free");
    let stop = Event::new().expect("a descriptor is free");
    let children: Vec<Child<u64>> = runners
        .into_iter()
        .map(|runner| Process::new(run, (runner, start.clone(), stop.clone())).start())
        .map(|child| child.expect("a process can be started"))
        .collect();
    ready(&children);
    start.set();
    watch_the_race();
    stop.set();
    children.iter().map(|child| child.join().ok()).collect()
}
