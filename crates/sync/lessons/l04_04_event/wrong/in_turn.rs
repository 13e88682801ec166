//! expect: SERIAL
//! Everything that has to be done with a runner is done in one loop: start it, let it run, stop it, join it. Then comes the next.

use core_process::Process;
use sync::Event;

use super::check::{Runner, lap, ready, step_up, watch_the_race};

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

pub fn race(runners: Vec<Runner>) -> Vec<Option<u64>> {
    runners
        .into_iter()
        .map(|runner| {
            let start = Event::new().expect("a descriptor is free");
            let stop = Event::new().expect("a descriptor is free");
            let recipe = Process::new(run, (runner, start.clone(), stop.clone()));
            let child = [recipe.start().expect("a process can be started")];
            ready(&child);
            start.set();
            watch_the_race();
            stop.set();
            child[0].join().ok()
        })
        .collect()
}
