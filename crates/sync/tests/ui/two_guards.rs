//! What the types of the guards keep out.
//! says: `*const ()` cannot be sent between threads safely
//! says: `bool` cannot live in shared memory
//! says: cannot move out of `guard` because it is borrowed
use sync::{Lock, Monitor};

fn another_thread(lock: &Lock) {
    let guard = lock.lock().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || drop(guard));
    });
}

fn wrong_bits() {
    let _monitor = Monitor::new(true);
}

fn outlives(monitor: &Monitor<u64>) -> u64 {
    let guard = monitor.lock().unwrap();
    let inside: &u64 = &guard;
    drop(guard);
    *inside
}

fn main() {}
