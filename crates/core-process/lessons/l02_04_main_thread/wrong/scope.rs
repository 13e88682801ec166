//! expect: HANG
//! `thread::scope` is the tidy way to have threads finished. It has no thread that may be left out: it joins the ticker.

use super::check::{measure, save, tick};

pub fn session(readings: u64) -> u64 {
    std::thread::scope(|scope| {
        scope.spawn(tick);
        let mut sum = 0;
        for number in 0..readings {
            let reading = measure(number);
            sum += reading.value();
            scope.spawn(move || save(reading));
        }
        sum
    })
}
