//! `Condition` between real processes: who waits, who goes on, and what a death takes along (nothing).
#![allow(clippy::unwrap_used, reason = "a test")]

mod gate;

use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use core_process::shm::Segment;
use core_process::{Child, Process};
use gate::{Opener, WATCHDOG, child_at, kill, stay};
use sync::{Condition, ConditionError, LockError, RLock, TryLockError};

core_process::divert_before_main!();

/// `Some(true)`: notified; `Some(false)`: an owner has died.
fn wait(condition: Condition, opener: Opener) -> Option<bool> {
    let mut guard = condition.lock().unwrap();
    opener.open();
    match guard.wait_timeout(WATCHDOG) {
        Ok(()) => Some(true),
        Err(ConditionError::OwnerDied { .. }) => {
            guard.repaired();
            Some(false)
        }
        Err(_) => None,
    }
}

/// Children that wait: they have the lock when they open the gate, so whoever has it next knows that they wait.
fn waiters<const N: usize>(condition: &Condition) -> [Child<Option<bool>>; N] {
    [(); N].map(|()| child_at!(wait, condition.clone()))
}

fn joined<T: serde::de::DeserializeOwned>(child: Child<T>) -> T {
    child.join_timeout(WATCHDOG).unwrap()
}

/// Waits until so many wait: the condition's own count.
fn until_waiting(condition: &Condition, count: u32) {
    let watchdog = Instant::now() + WATCHDOG;
    while condition.lock().unwrap().waiting() != count {
        assert!(Instant::now() < watchdog, "there are never {count}");
        thread::yield_now();
    }
}

#[test]
fn s15_waiting_and_notifying_need_the_lock_by_their_type() {
    // Both are methods of the guard; this is how it is got: the lock is re-entrant, and may be shared.
    let lock = RLock::new().unwrap();
    let [full, empty] = [(); 2].map(|()| Condition::with(&lock).unwrap());
    let outer = full.lock().unwrap();
    let inner = empty.try_lock().unwrap();
    assert_eq!((outer.depth(), inner.depth()), (2, 2));
    assert!(lock.is_mine());
    inner.notify_all();
    outer.notify_one();
}

#[test]
fn s16_wait_releases_all_levels_and_takes_as_many_again() {
    let condition = Condition::new().unwrap();
    let outer = condition.lock().unwrap();
    let mut inner = condition.lock().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| condition.lock().unwrap().notify_one());
        inner.wait_timeout(WATCHDOG).unwrap();
    });
    assert_eq!(inner.depth(), 2);
    let begin = Instant::now();
    let timed_out = inner.wait_timeout(Duration::from_millis(30));
    assert!(matches!(timed_out, Err(ConditionError::TimedOut)));
    assert!(begin.elapsed() >= Duration::from_millis(30));
    assert_eq!(inner.depth(), 2);
    drop((outer, inner));
    drop(condition.lock().unwrap());
}

#[test]
fn s16_the_four_forms_of_the_lock_and_a_timeout_of_a_wait_for() {
    let condition = Condition::new().unwrap();
    let time = Duration::from_millis(20);
    let holder = child_at!(hold, condition.clone());
    assert!(matches!(condition.try_lock(), Err(TryLockError::WouldBlock)));
    let begin = Instant::now();
    assert!(matches!(condition.lock_timeout(time), Err(LockError::TimedOut)));
    assert!(begin.elapsed() >= time);
    kill(&holder);
    match condition.lock_timeout(WATCHDOG).unwrap_err() {
        LockError::OwnerDied(died) => drop(died.repaired()),
        other => panic!("{other}"),
    }
    let mut guard = condition.lock_until(WATCHDOG).unwrap();
    let begin = Instant::now();
    let timed_out = guard.wait_for_timeout(time, || false);
    assert!(matches!(timed_out, Err(ConditionError::TimedOut)));
    assert!(begin.elapsed() >= time);
    guard.wait_for_timeout(time, || true).unwrap();
}

#[test]
fn s17_a_notice_is_for_those_that_wait_and_for_so_many() {
    let condition = Condition::new().unwrap();
    // Nobody waits: forgotten.
    condition.lock().unwrap().notify(5);
    let timed_out = condition.lock().unwrap().wait_timeout(Duration::ZERO);
    assert!(matches!(timed_out, Err(ConditionError::TimedOut)));

    let children = waiters::<3>(&condition);
    condition.lock().unwrap().notify(2);
    until_waiting(&condition, 1);
    // A later one does not take what it was too late for.
    let timed_out = condition.lock().unwrap().wait_timeout(Duration::ZERO);
    assert!(matches!(timed_out, Err(ConditionError::TimedOut)));
    until_waiting(&condition, 1);
    condition.lock().unwrap().notify_one();
    for child in children {
        assert_eq!(joined(child), Some(true));
    }
}

#[test]
fn s18_notify_all_is_for_all() {
    let condition = Condition::new().unwrap();
    let children = waiters::<3>(&condition);
    condition.lock().unwrap().notify_all();
    for child in children {
        assert_eq!(joined(child), Some(true));
    }
    assert_eq!(condition.lock().unwrap().waiting(), 0);
}

#[test]
fn s19_wait_for_asks_under_the_lock_after_every_notice() {
    let condition = Condition::new().unwrap();
    let state = Segment::create("state", 8).unwrap();
    let raise = |condition: Condition, state: Segment| {
        for _ in 0..3 {
            let guard = condition.lock().unwrap();
            state.atomic_u32(0).fetch_add(1, Relaxed);
            guard.notify_one();
        }
    };
    let mut guard = condition.lock().unwrap();
    let child = Process::new(raise, (condition.clone(), state.try_clone().unwrap()));
    let child = child.start().unwrap();
    guard
        .wait_for_until(WATCHDOG, || state.atomic_u32(0).load(Relaxed) == 3)
        .unwrap();
    joined(child);
    let timed_out = guard.wait_for_until(Duration::ZERO, || false);
    assert!(matches!(timed_out, Err(ConditionError::TimedOut)));
    guard.wait_for_until(Duration::ZERO, || true).unwrap();
    guard.wait_for(|| true).unwrap();
}

#[test]
fn s20_f057_d_a4_a_notice_does_not_wait_for_a_killed_waiter() {
    let condition = Condition::new().unwrap();
    let [dead, alive] = waiters::<2>(&condition);
    kill(&dead);
    condition.lock().unwrap().notify_all();
    assert_eq!(joined(alive), Some(true));
    assert_eq!(condition.lock().unwrap().waiting(), 0);
}

#[test]
fn a_single_notice_is_not_lost_with_a_killed_waiter() {
    let condition = Condition::new().unwrap();
    let [dead, alive] = waiters::<2>(&condition);
    kill(&dead);
    condition.lock().unwrap().notify_one();
    assert_eq!(joined(alive), Some(true));
    // Nor is one kept that was given while the dead was still counted.
    let [dead] = waiters::<1>(&condition);
    let guard = condition.lock().unwrap();
    kill(&dead);
    guard.notify_one();
    drop(guard);
    let [late] = waiters::<1>(&condition);
    until_waiting(&condition, 1);
    condition.lock().unwrap().notify_one();
    assert_eq!(joined(late), Some(true));
}

fn hold(condition: Condition, opener: Opener) {
    let guard = condition.lock().unwrap();
    guard.notify_one();
    opener.open();
    stay();
}

#[test]
fn f056_a_killed_holder_passes_the_lock_on_and_its_notice_with_it() {
    let condition = Condition::new().unwrap();
    let [waiter] = waiters::<1>(&condition);
    let holder = child_at!(hold, condition.clone());
    kill(&holder);
    assert_eq!(joined(waiter), Some(false));
    drop(condition.lock().unwrap());
    let holder = child_at!(hold, condition.clone());
    kill(&holder);
    assert_eq!(condition.lock().unwrap_err().pid(), holder.pid());
}
