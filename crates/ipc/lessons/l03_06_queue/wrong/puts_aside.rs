//! expect: RACE
//! A sensor should not wait only because the queue is full, so it puts the reading aside and goes on. The next one may find room, and is first.

use core_process::{Child, Process};
use ipc::{Consumer, Producer, Queue};

use super::check::{Clerk, Sensor, file, measure};

fn sense(sensor: Sensor, queue: Producer<u64>) {
    // region aside
    let mut later = Vec::new();
    for reading in measure(&sensor) {
        if queue.try_put(&reading).is_err() {
            later.push(reading); // the next one can be measured meanwhile
        }
    }
    for reading in later {
        queue.put(&reading).expect("a clerk is there");
    }
    // end region
}

fn keep(clerk: Clerk, queue: Consumer<u64>) -> Vec<u64> {
    let mut filed = Vec::new();
    for reading in queue.iter() {
        let reading = reading.expect("it is a reading");
        file(&clerk, reading);
        filed.push(reading);
    }
    filed
}

pub fn record(sensors: Vec<Sensor>, clerks: Vec<Clerk>, bound: usize) -> Vec<Vec<u64>> {
    let (put, get) = Queue::bounded(bound).expect("descriptors are free").split();
    let clerks: Vec<Child<Vec<u64>>> = clerks
        .into_iter()
        .map(|clerk| Process::new(keep, (clerk, get.clone())).start())
        .map(|child| child.expect("a process can be started"))
        .collect();
    let sensors: Vec<Child<()>> = sensors
        .into_iter()
        .map(|sensor| Process::new(sense, (sensor, put.clone())).start())
        .map(|child| child.expect("a process can be started"))
        .collect();
    drop((put, get)); // now the sensors alone can put, and the clerks alone can get
    for sensor in sensors {
        sensor.join().expect("it measures to its end");
    }
    let lists = clerks
        .iter()
        .map(|clerk| clerk.join().expect("it files to the end"));
    lists.collect()
}
