//! `Value` and `RawValue` between real processes: the rows of CPython's shared ctypes, and what a death leaves.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::Duration;

use core_process::shm::Shared;
use core_process::{Process, Signal, Status};
use ipc::{RawValue, Sender, Value, pipe};
use sync::{LockError, RLock, TryLockError};

core_process::divert_before_main!();

/// Far longer than any test; a test that reaches it has failed.
const WATCHDOG: Duration = Duration::from_secs(60);

#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Shared)]
struct Point {
    x: f64,
    y: f64,
}

fn set_to_seven(value: Value<i32>) {
    assert_eq!(value.get().unwrap(), 3);
    value.set(7).unwrap();
}

#[test]
fn m01_a_value_with_its_lock_is_seen_by_all_processes() {
    let value = Value::new(3).unwrap();
    let child = Process::new(set_to_seven, value.clone()).start().unwrap();
    child.join_timeout(WATCHDOG).unwrap();
    assert_eq!(value.get().unwrap(), 7);
    assert_eq!(format!("{value:?}"), "Value(7)");
}

/// One step of `value += 1` in two accesses, as CPython does it, with another process between the two.
fn get_then_set(value: Value<u64>, has_read: Sender<()>, go_on: ipc::Receiver<()>) {
    let read = value.get().unwrap();
    has_read.send(&()).unwrap();
    go_on.recv().unwrap();
    value.set(read + 1).unwrap();
}

#[test]
fn m02_get_and_set_are_two_accesses_and_an_update_between_them_is_lost() {
    let value = Value::new(0).unwrap();
    let ((has_read, read), (go, go_on)) = (pipe().unwrap(), pipe().unwrap());
    let child = Process::new(get_then_set, (value.clone(), has_read, go_on))
        .start()
        .unwrap();
    read.recv_timeout(WATCHDOG).unwrap();
    value.with(|value| *value += 1).unwrap();
    go.send(&()).unwrap();
    child.join_timeout(WATCHDOG).unwrap();
    assert_eq!(value.get().unwrap(), 1, "one of two was lost");
}

fn add(value: Value<u64>, way: u8, times: u64) {
    for _ in 0..times {
        match way {
            0 => value.with(|value| *value += 1).unwrap(),
            1 => *value.lock().unwrap() += 1,
            _ => {
                let _outer = value.hold().unwrap();
                let _inner = value.hold().unwrap();
                value.set(value.get().unwrap() + 1).unwrap();
            }
        }
    }
}

#[test]
fn m03_under_the_lock_nothing_is_lost_and_the_lock_nests() {
    let value = Value::new(0).unwrap();
    let start = |way| {
        Process::new(add, (value.clone(), way, 20_000_u64))
            .start()
            .unwrap()
    };
    for child in [0, 1, 2, 2].map(start) {
        child.join_timeout(WATCHDOG).unwrap();
    }
    assert_eq!(value.get().unwrap(), 80_000);
}

#[test]
fn m03_threads_of_a_process_are_kept_apart_too() {
    let value = Value::new(0).unwrap();
    let held = value.hold().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            assert!(matches!(value.try_lock(), Err(TryLockError::WouldBlock)));
            let timed = value.lock_timeout(Duration::from_millis(1));
            assert!(matches!(timed, Err(LockError::TimedOut)));
        });
    });
    drop(held);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| add(value.clone(), 0, 10_000));
        }
    });
    assert_eq!(value.get().unwrap(), 20_000);
}

#[test]
fn m04_the_guard_is_the_object_itself() {
    let value = Value::new([1_u32, 2]).unwrap();
    let mut guard = value.lock().unwrap();
    guard.reverse();
    assert_eq!(format!("{value:?}"), "Value(locked by this thread)");
    drop(guard);
    assert_eq!(value.get().unwrap(), [2, 1]);
}

fn raw_beside_a_lock(lock: RLock, raw: RawValue<u64>) {
    for _ in 0..10_000 {
        let _guard = lock.lock().unwrap();
        raw.set(raw.get() + 1);
    }
}

#[test]
fn m05_a_raw_value_has_no_lock_or_one_of_the_callers() {
    let (lock, raw) = (RLock::new().unwrap(), RawValue::new(0).unwrap());
    let start = |_| {
        Process::new(raw_beside_a_lock, (lock.clone(), raw.clone()))
            .start()
            .unwrap()
    };
    for child in [0, 1].map(start) {
        child.join_timeout(WATCHDOG).unwrap();
    }
    assert_eq!(raw.get(), 20_000);
}

#[test]
fn m06_a_type_has_its_width_and_says_what_is_beyond_it() {
    let value = Value::new(i32::MAX).unwrap();
    value.with(|value| *value = value.wrapping_add(1)).unwrap();
    assert_eq!(value.get().unwrap(), i32::MIN);
    assert_eq!(value.with(|value| value.checked_sub(1)).unwrap(), None);
    let raw = RawValue::new(u8::MAX).unwrap();
    assert_eq!(raw.atomic().fetch_add(1, Relaxed), u8::MAX);
    assert_eq!(raw.get(), 0);
}

fn hammer(counter: RawValue<u64>, highest: RawValue<i64>, times: u64) {
    for round in 0..times {
        counter.atomic().fetch_add(1, Relaxed);
        highest.atomic().fetch_max(round as i64, Relaxed);
    }
}

#[test]
fn m11_raw_integers_have_atomics_that_lose_nothing() {
    let (counter, highest) = (RawValue::new(0).unwrap(), RawValue::new(-1).unwrap());
    let start = |_| {
        Process::new(hammer, (counter.clone(), highest.clone(), 500_000_u64))
            .start()
            .unwrap()
    };
    for child in [0, 1].map(start) {
        child.join_timeout(WATCHDOG).unwrap();
    }
    assert_eq!((counter.get(), highest.get()), (1_000_000, 499_999));
    let atomic = counter.atomic();
    assert_eq!(
        atomic.compare_exchange(1_000_000, 5, Relaxed, Relaxed),
        Ok(1_000_000)
    );
    assert_eq!(
        atomic.fetch_update(Relaxed, Relaxed, |value| value.checked_sub(6)),
        Err(5)
    );
    assert_eq!(format!("{counter:?}"), "RawValue(5)");
}

fn move_point(point: Value<Point>) {
    for _ in 0..10_000 {
        point
            .with(|point| {
                point.x += 1.0;
                point.y -= 1.0;
            })
            .unwrap();
        let seen = point.get().unwrap();
        assert_eq!(seen.x, -seen.y, "one lock for both fields");
    }
}

#[test]
fn m12_a_structure_is_locked_as_a_whole() {
    let point = Value::new(Point { x: 0.0, y: 0.0 }).unwrap();
    let start = |_| Process::new(move_point, point.clone()).start().unwrap();
    for child in [0, 1].map(start) {
        child.join_timeout(WATCHDOG).unwrap();
    }
    assert_eq!(
        point.get().unwrap(),
        Point {
            x: 20_000.0,
            y: -20_000.0
        }
    );
}

#[test]
fn m13_a_copy_of_the_value_is_a_value_of_its_own_and_a_clone_is_the_same() {
    let value = Value::new(1).unwrap();
    let (same, copy) = (value.clone(), Value::new(value.get().unwrap()).unwrap());
    value.set(2).unwrap();
    assert_eq!((same.get().unwrap(), copy.get().unwrap()), (2, 1));
}

fn add_to_what_comes(values: ipc::Receiver<Value<u64>>) {
    for value in values.iter() {
        value.unwrap().with(|value| *value += 10).unwrap();
    }
}

/// CPython: only by inheritance, when a process is started.
#[test]
fn m15_a_value_can_be_sent_to_a_process_that_runs() {
    let (sender, receiver) = pipe().unwrap();
    let child = Process::new(add_to_what_comes, receiver).start().unwrap();
    let values = [1, 2].map(|value| Value::new(value).unwrap());
    for value in &values {
        sender.send(value).unwrap();
    }
    drop(sender);
    child.join_timeout(WATCHDOG).unwrap();
    assert_eq!(values.map(|value| value.get().unwrap()), [11, 12]);
}

fn die_with_it(value: Value<u64>, at: Sender<()>) {
    let mut guard = value.lock().unwrap();
    *guard = 13;
    at.send(&()).unwrap();
    loop {
        thread::park();
    }
}

#[test]
fn f054_an_owner_that_is_killed_is_named_to_all_that_follow_until_one_repairs() {
    let value = Value::new(0).unwrap();
    let (at, there) = pipe().unwrap();
    let child = Process::new(die_with_it, (value.clone(), at)).start().unwrap();
    there.recv_timeout(WATCHDOG).unwrap();
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap(), Status::Signaled(Signal::KILL));
    let died = value.get().unwrap_err();
    assert!(
        died.to_string().contains(&format!("(pid {})", child.pid())),
        "{died}"
    );
    drop(died);
    assert_eq!(value.set(1).unwrap_err().pid(), child.pid());
    assert_eq!(
        value.with(|_| panic!("it is not called")).unwrap_err().pid(),
        child.pid()
    );
    *value.lock().unwrap_err().repaired() = 4;
    assert_eq!(value.get().unwrap(), 4);
}
