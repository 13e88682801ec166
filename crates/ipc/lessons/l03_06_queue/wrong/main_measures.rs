//! expect: NOT_A_PROCESS
//! The clerks have the work, so they are processes; the sensors only put, and that is done here, for one after the other.

use core_process::{Child, Process};
use ipc::{Consumer, Producer, Queue};

use super::check::{Clerk, Sensor, file, measure};

fn sense(sensor: &Sensor, queue: &Producer<u64>) {
    for reading in measure(sensor) {
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

pub fn record(sensors: Vec<Sensor>, clerks: Vec<Clerk>, bound: usize) -> Vec<Vec<u64>> {
    let (put, get) = Queue::bounded(bound).expect("descriptors are free").split();
    let clerks: Vec<Child<Vec<u64>>> = clerks
        .into_iter()
        .map(|clerk| Process::new(keep, (clerk, get.clone())).start())
        .map(|child| child.expect("a process can be started"))
        .collect();
    for sensor in &sensors {
        sense(sensor, &put);
    }
    drop((put, get)); // now the sensors alone can put, and the clerks alone can get
    let lists = clerks
        .iter()
        .map(|clerk| clerk.join().expect("it files to the end"));
    lists.collect()
}
