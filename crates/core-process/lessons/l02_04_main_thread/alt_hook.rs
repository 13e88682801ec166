//! Lesson 2.4, another right answer: the hooks of the end join the savers.

use super::check::{measure, save, tick};

/// The target of a child: takes the readings, has each saved, and returns their sum.
pub fn session(readings: u64) -> u64 {
    std::thread::spawn(tick);
    let mut sum = 0;
    for number in 0..readings {
        let reading = measure(number);
        sum += reading.value();
        let saver = std::thread::spawn(move || save(reading));
        core_process::at_exit(move || saver.join().expect("a saver does not panic"));
    }
    sum
}
