//! expect: SERIAL
//! The saver has a thread, and is joined in the same breath, so that nothing is lost: a function call with a detour.

use super::check::{measure, save, tick};

pub fn session(readings: u64) -> u64 {
    std::thread::spawn(tick);
    let mut sum = 0;
    for number in 0..readings {
        let reading = measure(number);
        sum += reading.value();
        let saver = std::thread::spawn(move || save(reading));
        saver.join().expect("a saver does not panic");
    }
    sum
}
