//! expect: SERIAL
//! Many processes get from one queue, so it is protected by a lock. The queue needs none, and with this one a clerk files alone.

use core_process::{Child, Process};
use ipc::{Consumer, Producer, Queue};
use sync::Lock;

use super::check::{Clerk, Sensor, file, measure};

fn sense(sensor: Sensor, queue: Producer<u64>) {
    for reading in measure(&sensor) {
        queue.put(&reading).expect("a clerk is there");
    }
}

fn keep(clerk: Clerk, queue: Consumer<u64>, one_at_a_time: Lock) -> Vec<u64> {
    let mut filed = Vec::new();
    // region lock
    loop {
        let _guard = one_at_a_time.lock().expect("nobody dies with it");
        let Ok(reading) = queue.get() else { break };
        file(&clerk, reading);
        filed.push(reading);
    }
    // end region
    filed
}

pub fn record(sensors: Vec<Sensor>, clerks: Vec<Clerk>, bound: usize) -> Vec<Vec<u64>> {
    let (put, get) = Queue::bounded(bound).expect("descriptors are free").split();
    let lock = Lock::new().expect("a descriptor is free");
    let clerks: Vec<Child<Vec<u64>>> = clerks
        .into_iter()
        .map(|clerk| Process::new(keep, (clerk, get.clone(), lock.clone())).start())
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
