//! `RwLock` between real processes: readers together, a writer alone, and the deaths of both.
#![allow(clippy::unwrap_used, reason = "a test")]

mod gate;

use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use core_process::Process;
use core_process::shm::Segment;
use gate::{Opener, WATCHDOG, child_at, kill, stay, until_asleep};
use sync::{RwLock, RwLockError};

core_process::divert_before_main!();

fn read_and_stay(lock: RwLock, opener: Opener) {
    let _guard = lock.read().unwrap();
    opener.open();
    stay();
}

fn write_and_stay(lock: RwLock, opener: Opener) {
    let _guard = lock.write().unwrap();
    opener.open();
    stay();
}

fn write(lock: RwLock, opener: Opener) -> bool {
    opener.open();
    lock.write_until(WATCHDOG).is_ok()
}

#[test]
fn readers_read_together_and_a_writer_writes_alone() {
    let lock = RwLock::new().unwrap();
    let (one, two) = (lock.read().unwrap(), lock.try_read().unwrap());
    assert!(matches!(lock.try_write(), Err(RwLockError::WouldBlock)));
    assert!(matches!(
        lock.write_until(Duration::from_millis(10)),
        Err(RwLockError::TimedOut)
    ));
    drop((one, two));
    let guard = lock.write().unwrap();
    assert!(matches!(lock.try_read(), Err(RwLockError::WouldBlock)));
    assert!(matches!(
        lock.read_until(Duration::ZERO),
        Err(RwLockError::TimedOut)
    ));
    drop(guard);
    drop(lock.read().unwrap());
}

#[test]
fn a_timeout_ends_the_wait_for_reading_and_for_writing() {
    let lock = RwLock::new().unwrap();
    let time = Duration::from_millis(20);
    let reading = lock.read_timeout(WATCHDOG).unwrap();
    let begin = Instant::now();
    assert!(matches!(lock.write_timeout(time), Err(RwLockError::TimedOut)));
    assert!(begin.elapsed() >= time);
    drop(reading);
    let writing = lock.write_timeout(WATCHDOG).unwrap();
    let begin = Instant::now();
    assert!(matches!(lock.read_timeout(time), Err(RwLockError::TimedOut)));
    assert!(begin.elapsed() >= time);
    drop(writing);
    // Who gave up has left nothing behind.
    drop(lock.try_write().unwrap());
    drop(lock.try_read().unwrap());
}

#[test]
fn the_last_reader_wakes_a_writer_that_keeps_new_readers_out() {
    let lock = RwLock::new().unwrap();
    let guards = (lock.read().unwrap(), lock.read().unwrap());
    let writer = child_at!(write, lock.clone());
    until_asleep(writer.pid());
    assert!(matches!(lock.try_read(), Err(RwLockError::WouldBlock)));
    drop(guards);
    assert!(writer.join_timeout(WATCHDOG).unwrap());
}

#[test]
fn a_killed_reader_is_forgotten() {
    let lock = RwLock::new().unwrap();
    let reader = child_at!(read_and_stay, lock.clone());
    let writer = child_at!(write, lock.clone());
    until_asleep(writer.pid());
    kill(&reader);
    assert!(writer.join_timeout(WATCHDOG).unwrap());
}

#[test]
fn a_killed_writer_is_told_to_all_until_a_writer_has_repaired() {
    let lock = RwLock::new().unwrap();
    let writer = child_at!(write_and_stay, lock.clone());
    kill(&writer);
    for _ in 0..2 {
        match lock.read().unwrap_err() {
            RwLockError::OwnerDied(died) => assert_eq!(died.pid(), writer.pid()),
            other => panic!("{other}"),
        }
        drop(lock.write().unwrap_err());
    }
    drop(lock.write().unwrap_err().repaired());
    drop(lock.read().unwrap());
    drop(lock.write().unwrap());
}

fn both(lock: RwLock, pair: Segment, times: u64) -> bool {
    (0..times).all(|_| {
        let writing = lock.write().unwrap();
        let next = pair.atomic_u64(0).load(Relaxed) + 1;
        pair.atomic_u64(0).store(next, Relaxed);
        pair.atomic_u64(8).store(next, Relaxed);
        drop(writing);
        let _reading = lock.read().unwrap();
        pair.atomic_u64(0).load(Relaxed) == pair.atomic_u64(8).load(Relaxed)
    })
}

#[test]
fn no_reader_sees_half_of_a_write() {
    let lock = RwLock::new().unwrap();
    let pair = Segment::create("pair", 16).unwrap();
    let children = [(); 2].map(|()| {
        let arguments = (lock.clone(), pair.try_clone().unwrap(), 500);
        Process::new(both, arguments).start().unwrap()
    });
    thread::scope(|scope| {
        scope.spawn(|| assert!(both(lock.clone(), pair.try_clone().unwrap(), 500)));
    });
    for child in children {
        assert!(child.join_timeout(WATCHDOG).unwrap());
    }
    assert_eq!(pair.atomic_u64(0).load(Relaxed), 1500);
}
