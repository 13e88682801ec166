//! Lesson 4.4, another right answer: one event. It is set while the race is on, and its end is the stop.

use core_process::{Child, Process};
use sync::Event;

use super::check::{Runner, lap, ready, step_up, watch_the_race};

fn run(runner: Runner, is_on: Event) -> u64 {
    step_up(&runner);
    is_on.wait();
    let mut laps = 0;
    while is_on.is_set() {
        lap(&runner);
        laps += 1;
    }
    laps
}

pub fn race(runners: Vec<Runner>) -> Vec<Option<u64>> {
    let is_on = Event::new().expect("a descriptor is free");
    let children: Vec<Child<u64>> = runners
        .into_iter()
        .map(|runner| Process::new(run, (runner, is_on.clone())).start())
        .map(|child| child.expect("a process can be started"))
        .collect();
    ready(&children);
    is_on.set();
    watch_the_race();
    is_on.clear();
    children.iter().map(|child| child.join().ok()).collect()
}
