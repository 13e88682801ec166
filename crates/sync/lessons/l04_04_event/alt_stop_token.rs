//! Lesson 4.4, another right answer: the stop is a stop token, which a runner could also give to any wait of the library. And the
//! start is counted: the main process does not begin before every runner has said that it is there.

use core_process::{Child, Process, StopSource, StopToken};
use sync::{Event, Semaphore};

use super::check::{Runner, lap, ready, step_up, watch_the_race};

fn run(runner: Runner, there: Semaphore, start: Event, stop: StopToken) -> u64 {
    step_up(&runner);
    there.release().expect("there are few of us");
    start.wait();
    let mut laps = 0;
    while !stop.is_stopped() {
        lap(&runner);
        laps += 1;
    }
    laps
}

pub fn race(runners: Vec<Runner>) -> Vec<Option<u64>> {
    let start = Event::new().expect("a descriptor is free");
    let there = Semaphore::new(0).expect("a descriptor is free");
    let stop = StopSource::new().expect("a descriptor is free");
    let children: Vec<Child<u64>> = runners
        .into_iter()
        .map(|runner| Process::new(run, (runner, there.clone(), start.clone(), stop.token())).start())
        .map(|child| child.expect("a process can be started"))
        .collect();
    for _ in &children {
        there.acquire().expect("there is a place for us").forget();
    }
    ready(&children);
    start.set();
    watch_the_race();
    stop.stop();
    children.iter().map(|child| child.join().ok()).collect()
}
