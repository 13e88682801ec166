//! Lesson 4.4, solution: an event for the start, which stays set, and one for the stop, which is asked for after every lap.

use core_process::{Child, Process};
use sync::Event;

use super::check::{Runner, lap, ready, step_up, watch_the_race};

// region run
/// Runs from the start to the stop, and says how many laps it has made.
fn run(runner: Runner, start: Event, stop: Event) -> u64 {
    step_up(&runner);
    start.wait();
    let mut laps = 0;
    while !stop.is_set() {
        lap(&runner);
        laps += 1;
    }
    laps
}
// end region

/// How many laps each runner has made; `None` for one that did not come back.
// region race
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
// end region
