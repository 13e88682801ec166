//! Lesson 3.6, another right answer: everybody has the whole queue, and the main process closes it when the last sensor has ended.

use core_process::{Child, Process};
use ipc::Queue;

use super::check::{Clerk, Sensor, file, measure};

/// Measures, and puts every reading.
fn sense(sensor: Sensor, queue: Queue<u64>) {
    for reading in measure(&sensor) {
        queue.put(&reading).expect("a clerk is there");
    }
}

/// Files what it gets, until the queue is closed and empty.
fn keep(clerk: Clerk, queue: Queue<u64>) -> Vec<u64> {
    let mut filed = Vec::new();
    for reading in queue.iter() {
        let reading = reading.expect("it is a reading");
        file(&clerk, reading);
        filed.push(reading);
    }
    filed
}

/// Lets every sensor measure and every clerk file, each in a process of its own, with at most `bound` readings on their way. Says for
/// each clerk what it has filed, in its order.
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
    queue.close();
    let lists = clerks
        .iter()
        .map(|clerk| clerk.join().expect("it files to the end"));
    lists.collect()
}
