//! expect: LIMIT
//! A queue without a bound is simpler: nobody ever waits for room. What the sensors are ahead of the clerks lies in memory.

use core_process::{Child, Process};
use ipc::{Consumer, Producer, Queue};

use super::check::{Clerk, Sensor, file, measure};

fn sense(sensor: Sensor, queue: Producer<u64>) {
    for reading in measure(&sensor) {
        queue.put(&reading).expect("a clerk is there");
    }
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

pub fn record(sensors: Vec<Sensor>, clerks: Vec<Clerk>, _bound: usize) -> Vec<Vec<u64>> {
    let (put, get) = Queue::new().expect("descriptors are free").split();
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
