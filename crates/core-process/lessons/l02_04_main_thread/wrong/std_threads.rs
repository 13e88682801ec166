//! expect: RACE
//! In Python a thread is waited for unless it is a daemon, so a thread of `std` is expected to be, too. It is cut.

use super::check::{measure, save, tick};

// region answer
pub fn session(readings: u64) -> u64 {
    std::thread::spawn(tick);
    let mut sum = 0;
    for number in 0..readings {
        let reading = measure(number);
        sum += reading.value();
        std::thread::spawn(move || save(reading));
    }
    sum
}
// end region
