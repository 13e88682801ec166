//! `RLock` between real processes: its owner is a thread of a process, and its depth is counted.
#![allow(clippy::unwrap_used, reason = "a test")]

mod gate;

use std::thread;

use core_process::Process;
use gate::{Opener, WATCHDOG, child_at, kill, stay};
use sync::{LockError, RLock, TryLockError};

core_process::divert_before_main!();

fn hold_twice(lock: RLock, opener: Opener) {
    let _outer = lock.lock().unwrap();
    let _inner = lock.lock().unwrap();
    opener.open();
    stay();
}

fn is_refused(lock: RLock) -> bool {
    matches!(lock.try_lock(), Err(TryLockError::WouldBlock))
}

#[test]
fn s07_one_thread_may_nest_and_releases_as_often() {
    let lock = RLock::new().unwrap();
    let first = lock.lock().unwrap();
    let second = lock.try_lock().unwrap();
    let third = lock.lock_timeout(WATCHDOG).unwrap();
    assert_eq!(third.depth(), 3);
    drop(first);
    drop(third);
    assert_eq!(second.depth(), 1);
    let taken = || {
        let child = Process::new(is_refused, lock.clone()).start().unwrap();
        child.join_timeout(WATCHDOG).unwrap()
    };
    assert!(taken());
    drop(second);
    assert!(!taken());
}

#[test]
fn s08_the_owner_is_a_thread_not_a_process() {
    let lock = RLock::new().unwrap();
    let _guard = lock.lock().unwrap();
    assert!(lock.is_mine());
    thread::scope(|scope| {
        scope.spawn(|| {
            assert!(!lock.is_mine());
            assert!(matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
        });
    });
    let child = Process::new(|lock: RLock| !lock.is_mine() && is_refused(lock), lock.clone());
    assert!(child.start().unwrap().join_timeout(WATCHDOG).unwrap());
}

#[test]
fn s09_debug_shows_the_owner() {
    let lock = RLock::new().unwrap();
    assert_eq!(format!("{lock:?}"), "RLock { owner: none, .. }");
    let guard = lock.lock().unwrap();
    assert_eq!(format!("{lock:?}"), "RLock { owner: this thread, .. }");
    thread::scope(|scope| {
        scope.spawn(|| assert!(format!("{lock:?}").contains("of this process")));
    });
    drop(guard);
    let child = child_at!(hold_twice, lock.clone());
    let shown = format!("{lock:?}");
    assert!(shown.contains(&format!("of process {}", child.pid())), "{shown}");
    kill(&child);
}

#[test]
fn f054_a_killed_holder_passes_the_lock_on_with_the_news() {
    let lock = RLock::new().unwrap();
    let child = child_at!(hold_twice, lock.clone());
    kill(&child);
    let died = match lock.lock_timeout(WATCHDOG) {
        Err(LockError::OwnerDied(died)) => died,
        other => panic!("{other:?}"),
    };
    assert_eq!(died.pid(), child.pid());
    assert_eq!(died.guard().depth(), 1);
    // Nested, and not yet repaired: told again.
    drop(lock.lock().unwrap_err());
    let guard = died.repaired();
    assert_eq!(lock.lock().unwrap().depth(), 2);
    drop(guard);
    assert!(!lock.is_locked());
}
