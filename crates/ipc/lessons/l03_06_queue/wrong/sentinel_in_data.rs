//! expect: WRONG
//! One sentinel for each clerk, and a number for it that "cannot occur". A reading can be any number.

use core_process::{Child, Process};
use ipc::Queue;

use super::check::{Clerk, Sensor, file, measure};

// region sentinel
/// No sensor will ever measure that.
const THE_END: u64 = u64::MAX;
// end region

fn sense(sensor: Sensor, queue: Queue<u64>) {
    for reading in measure(&sensor) {
        queue.put(&reading).expect("a clerk is there");
    }
}

fn keep(clerk: Clerk, queue: Queue<u64>) -> Vec<u64> {
    let mut filed = Vec::new();
    loop {
        let reading = queue.get().expect("somebody still puts");
        if reading == THE_END {
            return filed;
        }
        file(&clerk, reading);
        filed.push(reading);
    }
}

pub fn record(sensors: Vec<Sensor>, clerks: Vec<Clerk>, bound: usize) -> Vec<Vec<u64>> {
    let queue = Queue::bounded(bound).expect("descriptors are free");
    let clerks: Vec<Child<Vec<u64>>> = clerks
        .into_iter()
        .map(|clerk| Process::new(keep, (clerk, queue.clone())).start())
        .map(|child| child.expect("a process can be started"))
        .collect();
    let sensors: Vec<Child<()>> = sensors
        .into_iter()
        .map(|sensor| Process::new(sense, (sensor, queue.clone())).start())
        .map(|child| child.expect("a process can be started"))
        .collect();
    for sensor in sensors {
        sensor.join().expect("it measures to its end");
    }
    for _ in &clerks {
        queue.put(&THE_END).expect("a clerk is there");
    }
    let lists = clerks
        .iter()
        .map(|clerk| clerk.join().expect("it files to the end"));
    lists.collect()
}
