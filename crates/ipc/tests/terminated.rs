//! A process is terminated while it uses a queue and a lock: both can be used by the others, and whoever takes the lock is told.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use core_process::{Process, Signal, Status};
use ipc::{Queue, Sender, pipe};
use sync::{Lock, LockError, OwnerDied};

core_process::divert_before_main!();

/// Far longer than any test; a test that reaches it has failed.
const WATCHDOG: Duration = Duration::from_secs(60);

fn text() -> String {
    "x".repeat(1000)
}

fn use_both_for_ever(ready: Sender<()>, queue: Queue<String>, lock: Lock) {
    ready.send(&()).unwrap();
    loop {
        let _guard = lock.lock().unwrap_or_else(OwnerDied::repaired);
        queue.put(&text()).unwrap();
        queue.get().unwrap();
    }
}

/// In CPython the queue "is liable to become corrupted", and a lock stays taken.
#[test]
fn x14_a_process_that_is_terminated_while_it_uses_a_queue_or_a_lock_harms_nobody() {
    let (queue, lock) = (Queue::new().unwrap(), Lock::new().unwrap());
    for _ in 0..30 {
        let (ready, at) = pipe().unwrap();
        let child = Process::new(use_both_for_ever, (ready, queue.clone(), lock.clone()))
            .start()
            .unwrap();
        at.recv_timeout(WATCHDOG).unwrap();
        child.terminate().unwrap();
        assert_eq!(child.wait().unwrap(), Status::Signaled(Signal::TERM));
        for value in queue.drain() {
            assert!(value.unwrap() == text(), "a torn value");
        }
        match lock.lock_until(WATCHDOG) {
            Ok(guard) => drop(guard),
            Err(LockError::OwnerDied(died)) => drop(died.repaired()),
            Err(other) => panic!("the lock is taken by the dead: {other}"),
        }
        queue.put_timeout(&"next".to_owned(), WATCHDOG).unwrap();
        assert_eq!(queue.get_timeout(WATCHDOG).unwrap(), "next");
    }
}
