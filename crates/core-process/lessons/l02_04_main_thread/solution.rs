//! Lesson 2.4, solution: where a thread is started, it is said whether the process waits for it.

use super::check::{measure, save, tick};

/// The target of a child: takes the readings, has each saved, and returns their sum.
pub fn session(readings: u64) -> u64 {
    // region answer
    std::thread::spawn(tick); // may be cut
    let mut sum = 0;
    for number in 0..readings {
        let reading = measure(number);
        sum += reading.value();
        core_process::thread::spawn(move || save(reading)).expect("a thread can be started");
    }
    sum
    // end region
}
