//! expect: RACE
//! The last record is the one that was lost, so the last saver is joined. An earlier one may take longer.

use super::check::{measure, save, tick};

pub fn session(readings: u64) -> u64 {
    std::thread::spawn(tick);
    let mut sum = 0;
    let mut last = None;
    for number in 0..readings {
        let reading = measure(number);
        sum += reading.value();
        last = Some(std::thread::spawn(move || save(reading)));
    }
    if let Some(saver) = last {
        saver.join().expect("a saver does not panic");
    }
    sum
}
