//! What an observer is told of operations that can last for ever: their beginning, their end, the object and the caller's line.
#![allow(clippy::unwrap_used, reason = "a test")]

mod gate;

use std::sync::Mutex;

use core_process::probe::{self, Event as Told, Phase};
use gate::WATCHDOG;
use sync::{Barrier, Condition, Event, Lock, RLock, RwLock, Semaphore};

core_process::divert_before_main!();

static TOLD: Mutex<Vec<Told>> = Mutex::new(Vec::new());

fn listen(event: &Told) {
    TOLD.lock().unwrap().push(*event);
}

/// The names of what was told since the last call, each with its phase; all of this file, and the blocking ones with an object.
fn told() -> Vec<(&'static str, Phase)> {
    let events = std::mem::take(&mut *TOLD.lock().unwrap());
    for event in events.iter().filter(|event| event.phase != Phase::Point) {
        assert_ne!(event.object, 0, "{event:?}");
        assert!(
            event.location.unwrap().file().ends_with("observed.rs"),
            "{event:?}"
        );
    }
    events.iter().map(|event| (event.name, event.phase)).collect()
}

// One test, since the observer is the process's.
#[test]
fn every_blocking_operation_is_told_with_its_object_and_its_line() {
    let (lock, rlock, rwlock) = (
        Lock::new().unwrap(),
        RLock::new().unwrap(),
        RwLock::new().unwrap(),
    );
    let (event, semaphore) = (Event::new().unwrap(), Semaphore::new(1).unwrap());
    let (barrier, condition) = (Barrier::new(1).unwrap(), Condition::new().unwrap());
    probe::install(listen);
    let both = |name| [(name, Phase::Begin), (name, Phase::End)];

    let guard = lock.lock().unwrap();
    assert_eq!(told(), both("lock"));
    drop(guard);
    assert_eq!(told(), [("unlock", Phase::Point)]);
    drop(rlock.lock().unwrap());
    assert_eq!(told()[..2], both("rlock"));
    drop(rwlock.read().unwrap());
    assert_eq!(told()[..2], both("read"));
    drop(rwlock.write().unwrap());
    assert_eq!(told()[..2], both("write"));
    drop(semaphore.acquire().unwrap());
    assert_eq!(told()[..2], both("acquire"));
    barrier.wait().unwrap();
    assert_eq!(told(), both("barrier"));
    event.set();
    assert_eq!(told(), [("set", Phase::Point)]);
    event.clear();

    told();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| event.wait());
        while !waiter.is_finished() {
            event.set();
            std::thread::yield_now();
        }
    });
    let waits = told().into_iter().filter(|(name, _)| *name == "event").count();
    assert!(waits == 0 || waits == 2, "{waits}");

    std::thread::scope(|scope| {
        let mut guard = condition.lock().unwrap();
        scope.spawn(|| condition.lock().unwrap().notify_one());
        guard.wait().unwrap();
    });
    let waits: Vec<_> = told()
        .into_iter()
        .filter(|(name, _)| *name == "condition")
        .collect();
    assert_eq!(waits, both("condition"));

    // A wait that ends by itself is no news.
    drop(lock.lock_timeout(WATCHDOG).unwrap());
    assert_eq!(told(), [("unlock", Phase::Point)]);
}
