//! `Semaphore` and `BoundedSemaphore` between real processes: counts, bounds, and permits that come back from the dead.
#![allow(clippy::unwrap_used, reason = "a test")]

mod gate;

use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

use core_process::shm::Segment;
use core_process::{ForkProcess, Process, StopSource};
use gate::{Opener, WATCHDOG, child_at, kill, stay, until_asleep};
use sync::{AcquireError, BoundedSemaphore, Semaphore, TryAcquireError};

core_process::divert_before_main!();

fn hold_two(semaphore: Semaphore, opener: Opener) {
    let _permits = (semaphore.acquire().unwrap(), semaphore.acquire().unwrap());
    opener.open();
    stay();
}

fn acquire_when_told(semaphore: Semaphore, opener: Opener) -> bool {
    opener.open();
    semaphore.acquire_timeout(WATCHDOG).is_ok()
}

#[test]
fn s10_so_many_pass_and_release_may_exceed_the_start() {
    let semaphore = Semaphore::new(2).unwrap();
    assert_eq!(semaphore.available(), 2);
    let one = semaphore.acquire().unwrap();
    let two = semaphore.try_acquire().unwrap();
    assert!(matches!(
        semaphore.try_acquire(),
        Err(TryAcquireError::WouldBlock)
    ));
    assert!(matches!(
        semaphore.acquire_timeout(Duration::ZERO),
        Err(AcquireError::TimedOut)
    ));
    let begin = Instant::now();
    let timed_out = semaphore.acquire_timeout(Duration::from_millis(30));
    assert!(matches!(timed_out, Err(AcquireError::TimedOut)));
    assert!(begin.elapsed() >= Duration::from_millis(30));
    drop(one);
    assert_eq!(semaphore.available(), 1);
    drop(two);
    semaphore.release().unwrap();
    assert_eq!(semaphore.available(), 3);
    assert_eq!(format!("{semaphore:?}"), "Semaphore { free: 3, .. }");
}

#[test]
fn a_permit_that_is_returned_wakes_a_waiter_of_another_process() {
    let semaphore = Semaphore::new(1).unwrap();
    let permit = semaphore.acquire().unwrap();
    let children = [(); 2].map(|()| child_at!(acquire_when_told, semaphore.clone()));
    for child in &children {
        until_asleep(child.pid());
    }
    drop(permit);
    for child in children {
        assert!(child.join_timeout(WATCHDOG).unwrap());
    }
    assert_eq!(semaphore.available(), 1);
}

#[test]
fn a_forgotten_permit_is_a_token_that_somebody_else_makes_again() {
    let semaphore = Semaphore::new(0).unwrap();
    let consumer = child_at!(
        |semaphore: Semaphore, opener: Opener| -> u32 {
            opener.open();
            for _ in 0..100 {
                semaphore.acquire().unwrap().forget();
            }
            100
        },
        semaphore.clone()
    );
    for _ in 0..100 {
        semaphore.release().unwrap();
    }
    assert_eq!(consumer.join_timeout(WATCHDOG).unwrap(), 100);
    assert_eq!(semaphore.available(), 0);
}

fn pass_often(semaphore: Semaphore, inside: Segment, times: u32) -> u32 {
    let mut most = 0;
    for _ in 0..times {
        let permit = semaphore.acquire().unwrap();
        most = most.max(inside.atomic_u32(0).fetch_add(1, SeqCst) + 1);
        thread::yield_now();
        inside.atomic_u32(0).fetch_sub(1, SeqCst);
        drop(permit);
    }
    most
}

#[test]
fn never_more_than_the_permits_are_inside() {
    let semaphore = Semaphore::new(2).unwrap();
    let inside = Segment::create("inside", 8).unwrap();
    let children = [(); 4].map(|()| {
        let arguments = (semaphore.clone(), inside.try_clone().unwrap(), 300);
        Process::new(pass_often, arguments).start().unwrap()
    });
    let mut most = pass_often(semaphore.clone(), inside, 300);
    for child in children {
        most = most.max(child.join_timeout(WATCHDOG).unwrap());
    }
    assert!((1..=2).contains(&most), "{most} were inside");
    assert_eq!(semaphore.available(), 2);
}

#[test]
fn s12_d_d9_a_bounded_semaphore_refuses_a_release_above_its_bound() {
    let semaphore = BoundedSemaphore::new(2).unwrap();
    let error = semaphore.release().unwrap_err();
    assert!(error.to_string().contains("all 2 permits"), "{error}");
    let permit = semaphore.acquire().unwrap();
    // The permit that is held comes back by its drop: one more would be too many.
    semaphore.release().unwrap_err();
    permit.forget();
    assert_eq!(semaphore.available(), 1);
    semaphore.release().unwrap();
    semaphore.release().unwrap_err();
    assert_eq!(semaphore.available(), 2);
}

#[test]
fn f055_the_permits_of_a_killed_process_come_back() {
    let semaphore = Semaphore::new(2).unwrap();
    let holder = child_at!(hold_two, semaphore.clone());
    assert_eq!(semaphore.available(), 0);
    let waiter = child_at!(acquire_when_told, semaphore.clone());
    until_asleep(waiter.pid());
    kill(&holder);
    assert!(waiter.join_timeout(WATCHDOG).unwrap());
    assert_eq!(semaphore.available(), 2);
    let permits = (semaphore.try_acquire().unwrap(), semaphore.try_acquire().unwrap());
    assert!(semaphore.try_acquire().is_err());
    drop(permits);
}

#[test]
fn a_killed_waiter_takes_no_permit_with_it() {
    let semaphore = Semaphore::new(0).unwrap();
    let dead = child_at!(acquire_when_told, semaphore.clone());
    let alive = child_at!(acquire_when_told, semaphore.clone());
    until_asleep(dead.pid());
    kill(&dead);
    semaphore.release().unwrap();
    assert!(alive.join_timeout(WATCHDOG).unwrap());
    assert_eq!(semaphore.available(), 1);
}

#[test]
fn a_permit_of_a_thread_that_has_ended_stays_with_its_process() {
    let semaphore = Semaphore::new(1).unwrap();
    let permit = thread::scope(|scope| scope.spawn(|| semaphore.acquire().unwrap()).join().unwrap());
    assert_eq!(semaphore.available(), 0);
    drop(permit);
    assert_eq!(semaphore.available(), 1);
}

#[test]
fn a_place_is_left_with_the_last_handle_and_taken_again() {
    let semaphore = Semaphore::new(1).unwrap();
    for _ in 0..3 {
        let child = Process::new(
            |semaphore: Semaphore| drop(semaphore.acquire().unwrap()),
            semaphore.clone(),
        );
        child.start().unwrap().join_timeout(WATCHDOG).unwrap();
    }
    assert_eq!(semaphore.available(), 1);
}

#[test]
fn by_fork_a_copy_of_a_permit_gives_nothing_back() {
    let child = Process::new(
        || {
            let semaphore = Semaphore::new(1).unwrap();
            let permit = semaphore.acquire().unwrap();
            let (copy, permit) = (semaphore.clone(), std::sync::Mutex::new(Some(permit)));
            // The child has the permit in its memory, drops it, and finds none free.
            let forked = ForkProcess::new(move || {
                drop(permit.lock().unwrap().take());
                (copy.available(), copy.try_acquire().is_err())
            });
            forked.start().unwrap().join().unwrap()
        },
        (),
    );
    assert_eq!(child.start().unwrap().join_timeout(WATCHDOG).unwrap(), (0, true));
}

#[test]
fn a_stop_token_ends_the_wait() {
    let semaphore = Semaphore::new(0).unwrap();
    let source = StopSource::new().unwrap();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| semaphore.acquire_until(&source.token()));
        source.stop();
        assert!(matches!(waiter.join().unwrap(), Err(AcquireError::Stopped)));
    });
}

/// Descriptors of semaphores that are open after the drop, when another thread than the main one has had a permit; again and again.
fn left_open() -> usize {
    let open_after_drop = |_: u32| {
        let semaphore = Semaphore::new(1).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| drop(semaphore.acquire().unwrap()));
        });
        drop(semaphore);
        let links = std::fs::read_dir("/proc/self/fd").unwrap();
        let targets = links.filter_map(|link| std::fs::read_link(link.ok()?.path()).ok());
        let is_one = |target: &std::path::PathBuf| target.to_string_lossy().starts_with("/memfd:semaphore");
        targets.filter(is_one).count()
    };
    (0..200).map(open_after_drop).sum()
}

#[test]
fn c5_its_descriptor_is_closed_when_it_is_dropped_by_whatever_thread() {
    let child = Process::new(left_open, ()).start().unwrap();
    assert_eq!(child.join_timeout(WATCHDOG).unwrap(), 0);
}
