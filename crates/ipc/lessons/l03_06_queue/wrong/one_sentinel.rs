//! expect: HANG
//! The end is marked by a value that is no reading. It is put once, as at the end of a file; but each value is got by one clerk only.

use core_process::{Child, Process};
use ipc::Queue;

use super::check::{Clerk, Sensor, file, measure};

fn sense(sensor: Sensor, queue: Queue<Option<u64>>) {
    for reading in measure(&sensor) {
        queue.put(&Some(reading)).expect("a clerk is there");
    }
}

fn keep(clerk: Clerk, queue: Queue<Option<u64>>) -> Vec<u64> {
    let mut filed = Vec::new();
    while let Some(reading) = queue.get().expect("somebody still puts") {
        file(&clerk, reading);
        filed.push(reading);
    }
    filed
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
    // region one
    queue.put(&None).expect("a clerk is there");
    // end region
    let lists = clerks
        .iter()
        .map(|clerk| clerk.join().expect("it files to the end"));
    lists.collect()
}
