//! `Lock` between real processes: CPython's rows, and the deaths that CPython does not survive.
#![allow(clippy::unwrap_used, reason = "a test")]

mod gate;

use std::fs::File;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use core_process::shm::Segment;
use core_process::{ChildError, ForkProcess, Process, Signal, StopSource, codec};
use gate::{Gate, Opener, WATCHDOG, child_at, gate, kill, stay};
use serde::{Deserialize, Serialize};
use sync::{Lock, LockError, RLock, TryLockError};

core_process::divert_before_main!();

fn hold_and_stay(lock: Lock, opener: Opener) {
    let _guard = lock.lock().unwrap();
    opener.open();
    stay();
}

fn inherit_and_stay(lock: Lock, opener: Opener) {
    let _died = lock.lock().unwrap_err();
    opener.open();
    stay();
}

fn hold_until_told(lock: Lock, opener: Opener, gate: Gate) {
    let _guard = lock.lock().unwrap();
    opener.open();
    gate.pass();
}

#[test]
fn s01_acquire_with_and_without_a_timeout() {
    let lock = Lock::new().unwrap();
    let guard = lock.lock().unwrap();
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            assert!(matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
            assert!(matches!(
                lock.lock_timeout(Duration::ZERO),
                Err(LockError::TimedOut)
            ));
            let begin = Instant::now();
            let timed_out = lock.lock_timeout(Duration::from_millis(30));
            assert!(matches!(timed_out, Err(LockError::TimedOut)));
            assert!(begin.elapsed() >= Duration::from_millis(30));
            let source = StopSource::new().unwrap();
            source.stop();
            assert!(matches!(
                lock.lock_until(&source.token()),
                Err(LockError::Stopped)
            ));
        });
        other.join().unwrap();
    });
    drop(guard);
    drop(lock.lock_timeout(Duration::ZERO).unwrap());
    drop(lock.try_lock().unwrap());
}

#[test]
fn s02_a_lock_is_not_re_entrant() {
    let lock = Lock::new().unwrap();
    let _guard = lock.lock().unwrap();
    assert!(matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
    assert!(matches!(
        lock.lock_timeout(Duration::from_millis(10)),
        Err(LockError::TimedOut)
    ));
}

#[test]
fn s05_is_locked_says_whether_somebody_holds_it() {
    let lock = Lock::new().unwrap();
    assert!(!lock.is_locked());
    let (leave, left) = gate();
    let (opener, there) = gate();
    let child = Process::new(hold_until_told, (lock.clone(), opener, left))
        .start()
        .unwrap();
    there.pass();
    assert!(lock.is_locked());
    assert_eq!(format!("{lock:?}"), "Lock { is_locked: true, .. }");
    leave.open();
    child.join().unwrap();
    assert!(!lock.is_locked());
}

#[test]
fn s06_a_guard_releases_at_the_end_of_its_scope_also_by_panic() {
    let lock = Lock::new().unwrap();
    {
        let _guard = lock.lock().unwrap();
        assert!(lock.is_locked());
    }
    assert!(!lock.is_locked());
    let panicked = thread::scope(|scope| {
        scope
            .spawn(|| {
                let _guard = lock.lock().unwrap();
                std::panic::resume_unwind(Box::new("on purpose"));
            })
            .join()
    });
    assert!(panicked.is_err());
    drop(lock.try_lock().unwrap());
}

fn add(lock: Lock, counter: Segment, times: u64) {
    for _ in 0..times {
        let _guard = lock.lock().unwrap();
        let word = counter.atomic_u64(0);
        // Two steps on purpose: only the lock makes one of them.
        word.store(word.load(Relaxed) + 1, Relaxed);
    }
}

#[test]
fn processes_and_threads_exclude_each_other() {
    let lock = Lock::new().unwrap();
    let counter = Segment::create("counter", 8).unwrap();
    let children = [(); 3].map(|()| {
        let arguments = (lock.clone(), counter.try_clone().unwrap(), 3000);
        Process::new(add, arguments).start().unwrap()
    });
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| add(lock.clone(), counter.try_clone().unwrap(), 3000));
        }
    });
    for child in children {
        child.join_timeout(WATCHDOG).unwrap();
    }
    assert_eq!(counter.atomic_u64(0).load(Relaxed), 5 * 3000);
}

#[test]
fn s28_f053_d_a3_a_killed_holder_passes_the_lock_on_with_the_news() {
    let lock = Lock::new().unwrap();
    let child = child_at!(hold_and_stay, lock.clone());
    let waiter = thread::spawn({
        let lock = lock.clone();
        // Waits already when the holder dies, or comes later: the outcome is the same.
        move || {
            let died = lock.lock_timeout(WATCHDOG).unwrap_err();
            let LockError::OwnerDied(died) = died else {
                panic!("{died}");
            };
            let pid = died.pid();
            drop(died.repaired());
            pid
        }
    });
    kill(&child);
    assert_eq!(waiter.join().unwrap(), child.pid());
    drop(lock.lock().unwrap());
}

#[test]
fn f053_a_terminated_holder_does_too() {
    let lock = Lock::new().unwrap();
    let child = child_at!(hold_and_stay, lock.clone());
    child.terminate().unwrap();
    assert!(matches!(
        child.join(),
        Err(ChildError::Signaled { signal: Signal::TERM })
    ));
    assert_eq!(lock.lock().unwrap_err().pid(), child.pid());
}

#[test]
fn the_news_stays_until_somebody_repairs() {
    let lock = Lock::new().unwrap();
    kill(&child_at!(hold_and_stay, lock.clone()));
    for _ in 0..2 {
        drop(lock.lock().unwrap_err());
        assert!(matches!(lock.try_lock(), Err(TryLockError::OwnerDied(_))));
        drop(lock.lock().unwrap_err().into_guard());
    }
    drop(lock.lock().unwrap_err().repaired());
    drop(lock.lock().unwrap());
}

#[test]
fn a_second_death_before_the_repair_is_told_too() {
    let lock = Lock::new().unwrap();
    kill(&child_at!(hold_and_stay, lock.clone()));
    let child = child_at!(inherit_and_stay, lock.clone());
    kill(&child);
    let died = lock.lock().unwrap_err();
    assert_eq!(died.pid(), child.pid());
    drop(died.repaired());
    drop(lock.lock().unwrap());
}

#[test]
fn a_thread_that_ends_with_a_forgotten_guard_is_a_death() {
    let lock = Lock::new().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| std::mem::forget(lock.lock().unwrap()));
    });
    drop(lock.lock().unwrap_err().repaired());
    // Forgotten here, and the handle dropped: the mapping stays, so the other locks of this thread work on.
    let forgotten = Lock::new().unwrap();
    std::mem::forget(forgotten.lock().unwrap());
    drop(forgotten);
    drop(lock.lock().unwrap());
}

#[derive(Serialize, Deserialize)]
struct Job {
    lock: Lock,
    number: u32,
}

fn use_field(job: Job) -> Job {
    assert_eq!(job.number, 7);
    assert!(job.lock.is_locked());
    job
}

#[test]
fn a_lock_is_an_argument_a_field_and_a_result() {
    let lock = Lock::new().unwrap();
    let _guard = lock.lock().unwrap();
    let job = Job {
        lock: lock.clone(),
        number: 7,
    };
    let back = Process::new(use_field, job).start().unwrap().join().unwrap();
    assert!(matches!(back.lock.try_lock(), Err(TryLockError::WouldBlock)));
}

#[test]
fn by_fork_a_copy_of_the_guard_releases_nothing() {
    // A child, since a fork is refused where a test has other threads.
    let child = Process::new(
        || {
            let lock = Lock::new().unwrap();
            let guard = lock.lock().unwrap();
            let copy = lock.clone();
            let forked = ForkProcess::new(move || {
                assert!(matches!(copy.try_lock(), Err(TryLockError::WouldBlock)));
            });
            forked.start().unwrap().join().unwrap();
            assert!(lock.is_locked());
            drop(guard);
            drop(lock.try_lock().unwrap());
        },
        (),
    );
    child.start().unwrap().join_timeout(WATCHDOG).unwrap();
}

#[test]
fn what_is_no_lock_is_refused() {
    let other = codec::encode(&RLock::new().unwrap()).unwrap();
    let error = codec::decode::<Lock>(&other.bytes, other.descriptors).unwrap_err();
    assert!(error.to_string().contains("no lock"), "{error}");
    let zeros = codec::encode(&Segment::create("zeros", 128).unwrap()).unwrap();
    codec::decode::<Lock>(&zeros.bytes, zeros.descriptors).unwrap_err();
    let file = codec::encode(&(128usize, core_process::Fd::from(File::open("/dev/null").unwrap()))).unwrap();
    codec::decode::<Lock>(&file.bytes, file.descriptors).unwrap_err();
}

#[test]
fn f095_s30_d_d5_a_lock_has_no_name_in_the_file_system() {
    let names = || {
        let mut names: Vec<_> = std::fs::read_dir("/dev/shm")
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    let before = names();
    let lock = Lock::new().unwrap();
    assert_eq!(names(), before);
    let child = child_at!(hold_and_stay, lock.clone());
    assert_eq!(names(), before);
    kill(&child);
    drop(lock.lock().unwrap_err());
}
