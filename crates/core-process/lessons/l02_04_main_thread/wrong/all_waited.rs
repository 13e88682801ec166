//! expect: HANG
//! "Waited for" sounds safe, so every thread is made one that is, the ticker too, which never ends.

use super::check::{measure, save, tick};

pub fn session(readings: u64) -> u64 {
    core_process::thread::spawn(tick).expect("a thread can be started");
    let mut sum = 0;
    for number in 0..readings {
        let reading = measure(number);
        sum += reading.value();
        core_process::thread::spawn(move || save(reading)).expect("a thread can be started");
    }
    sum
}
