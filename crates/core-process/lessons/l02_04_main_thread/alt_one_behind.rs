//! Lesson 2.4, another right answer: never more than one saver; each is joined when the next reading was taken.

use std::thread::{JoinHandle, spawn};

use super::check::{measure, save, tick};

/// The target of a child: takes the readings, has each saved, and returns their sum.
pub fn session(readings: u64) -> u64 {
    spawn(tick);
    let mut sum = 0;
    let mut saver: Option<JoinHandle<()>> = None;
    let joined = |saver: JoinHandle<()>| saver.join().expect("a saver does not panic");
    for number in 0..readings {
        let reading = measure(number);
        sum += reading.value();
        saver.take().map(joined);
        saver = Some(spawn(move || save(reading)));
    }
    saver.map(joined);
    sum
}
