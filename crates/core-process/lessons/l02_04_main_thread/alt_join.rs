//! Lesson 2.4, another right answer: threads of the standard library, of which the target itself joins the savers.

use super::check::{measure, save, tick};

/// The target of a child: takes the readings, has each saved, and returns their sum.
pub fn session(readings: u64) -> u64 {
    std::thread::spawn(tick);
    let mut sum = 0;
    let mut savers = Vec::new();
    for number in 0..readings {
        let reading = measure(number);
        sum += reading.value();
        savers.push(std::thread::spawn(move || save(reading)));
    }
    for saver in savers {
        saver.join().expect("a saver does not panic");
    }
    sum
}
