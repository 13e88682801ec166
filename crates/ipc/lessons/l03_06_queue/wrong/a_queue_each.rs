//! expect: SERIAL
//! With a queue for each clerk, nobody can take what is another one's. But what waits for a busy clerk cannot be taken by an idle one.

use core_process::{Child, Process};
use ipc::{Consumer, Producer, Queue};

use super::check::{Clerk, Sensor, file, measure};

fn sense(sensor: Sensor, queues: Vec<Producer<u64>>) {
    // region share
    for (place, reading) in measure(&sensor).enumerate() {
        let queue = &queues[place % queues.len()];
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
    let queue = |_: &Clerk| Queue::bounded(bound).expect("descriptors are free").split();
    let (put, get): (Vec<_>, Vec<_>) = clerks.iter().map(queue).unzip();
    let clerks: Vec<Child<Vec<u64>>> = clerks
        .into_iter()
        .zip(get)
        .map(|each| Process::new(keep, each).start())
        .map(|child| child.expect("a process can be started"))
        .collect();
    let sensors: Vec<Child<()>> = sensors
        .into_iter()
        .map(|sensor| Process::new(sense, (sensor, put.clone())).start())
        .map(|child| child.expect("a process can be started"))
        .collect();
    drop(put);
    for sensor in sensors {
        sensor.join().expect("it measures to its end");
    }
    let lists = clerks
        .iter()
        .map(|clerk| clerk.join().expect("it files to the end"));
    lists.collect()
}
