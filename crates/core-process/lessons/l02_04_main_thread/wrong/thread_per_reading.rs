//! expect: WRONG
//! One thread for all that belongs to a reading, the measuring too. But that was bound to the main thread.

use super::check::{measure, save, tick};

pub fn session(readings: u64) -> u64 {
    std::thread::spawn(tick);
    let work = |number| {
        move || {
            let reading = measure(number);
            save(reading);
            reading.value()
        }
    };
    let threads: Vec<_> = (0..readings)
        .map(|number| core_process::thread::spawn(work(number)).expect("a thread can be started"))
        .collect();
    threads
        .into_iter()
        .map(|thread| thread.join().expect("it does not panic"))
        .sum()
}
