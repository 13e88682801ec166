//! expect: SERIAL
//! What the main thread does itself cannot be cut. Nor does it take a reading meanwhile.

use super::check::{measure, save, tick};

pub fn session(readings: u64) -> u64 {
    std::thread::spawn(tick);
    let mut sum = 0;
    for number in 0..readings {
        let reading = measure(number);
        sum += reading.value();
        save(reading);
    }
    sum
}
