//! `Barrier` between real processes: rounds, places, and what breaks it.
#![allow(clippy::unwrap_used, reason = "a test")]

mod gate;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

use core_process::shm::Segment;
use core_process::{Child, Process, Signal};
use gate::{Opener, WATCHDOG, child_at, kill, stay, until_asleep};
use sync::{Barrier, BarrierError};

core_process::divert_before_main!();

fn wait(barrier: Barrier, opener: Opener) -> Option<u32> {
    opener.open();
    barrier.wait_timeout(WATCHDOG).ok()
}

/// Whether the wait ended because the barrier was broken by somebody else.
fn is_broken_for(barrier: Barrier, opener: Opener) -> bool {
    opener.open();
    matches!(barrier.wait(), Err(BarrierError::Broken))
}

fn never_comes(barrier: Barrier, opener: Opener) {
    opener.open();
    let _kept = barrier;
    stay();
}

fn joined<T: serde::de::DeserializeOwned>(child: Child<T>) -> T {
    child.join_timeout(WATCHDOG).unwrap()
}

/// Waits until so many have come: the barrier's own word.
fn until_waiting(barrier: &Barrier, count: u32) {
    let watchdog = Instant::now() + WATCHDOG;
    while barrier.waiting() != count {
        assert!(Instant::now() < watchdog, "they never come");
        thread::yield_now();
    }
}

#[test]
fn s21_each_gets_another_place_and_the_last_acts_before_any_goes_on() {
    let barrier = Barrier::new(3).unwrap();
    let children = [(); 2].map(|()| child_at!(wait, barrier.clone()));
    until_waiting(&barrier, 2);
    let mut acted = 0;
    let place = barrier
        .wait_with(|| {
            acted += 1;
            assert!(children.iter().all(|child| child.is_alive()));
        })
        .unwrap();
    assert_eq!((place, acted), (2, 1));
    let mut places = children.map(|child| joined(child).unwrap());
    places.sort_unstable();
    assert_eq!(places, [0, 1]);
}

#[test]
fn s22_who_gives_up_breaks_it_for_all() {
    let barrier = Barrier::new(3).unwrap();
    let child = child_at!(is_broken_for, barrier.clone());
    until_asleep(child.pid());
    let begin = Instant::now();
    let gave_up = barrier.wait_timeout(Duration::from_millis(30));
    assert!(matches!(gave_up, Err(BarrierError::TimedOut)), "{gave_up:?}");
    assert!(begin.elapsed() >= Duration::from_millis(30));
    assert!(joined(child));
    assert!(barrier.is_broken());
    assert!(matches!(barrier.wait(), Err(BarrierError::Broken)));
    assert!(matches!(barrier.try_wait(), Err(BarrierError::Broken)));
}

#[test]
fn s23_abort_breaks_and_reset_makes_it_usable_again() {
    let barrier = Barrier::new(2).unwrap();
    let child = child_at!(is_broken_for, barrier.clone());
    until_asleep(child.pid());
    barrier.abort();
    assert!(joined(child));
    assert!(barrier.is_broken());
    barrier.reset();
    assert!(!barrier.is_broken());

    // A reset while somebody waits: broken for that one, new for the others.
    let child = child_at!(is_broken_for, barrier.clone());
    until_asleep(child.pid());
    barrier.reset();
    assert!(joined(child));
    assert!(!barrier.is_broken());
    let child = child_at!(wait, barrier.clone());
    let mut places = [barrier.wait_timeout(WATCHDOG).unwrap(), joined(child).unwrap()];
    places.sort_unstable();
    assert_eq!(places, [0, 1]);
}

#[test]
fn s24_an_action_that_panics_breaks_it_and_panics_in_its_caller() {
    let barrier = Barrier::new(2).unwrap();
    let child = child_at!(is_broken_for, barrier.clone());
    until_asleep(child.pid());
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        barrier.wait_with(|| std::panic::resume_unwind(Box::new("on purpose")))
    }));
    assert_eq!(panicked.unwrap_err().downcast_ref::<&str>(), Some(&"on purpose"));
    assert!(joined(child));
    assert!(barrier.is_broken());
}

#[test]
fn s25_parties_and_who_waits_can_be_asked() {
    let barrier = Barrier::new(3).unwrap();
    assert_eq!(
        (barrier.parties(), barrier.waiting(), barrier.is_broken()),
        (3, 0, false)
    );
    let children = [(); 2].map(|()| child_at!(wait, barrier.clone()));
    until_waiting(&barrier, 2);
    assert_eq!(barrier.waiting(), 2);
    assert_eq!(barrier.try_wait().unwrap(), 2);
    assert_eq!(barrier.waiting(), 0);
    assert!(matches!(barrier.try_wait(), Err(BarrierError::WouldBlock)));
    for child in children {
        joined(child).unwrap();
    }
    assert_eq!(
        format!("{barrier:?}"),
        "Barrier { parties: 3, is_broken: false, .. }"
    );
}

fn rounds(barrier: Barrier, step: Segment, times: u32) {
    for round in 0..times {
        step.atomic_u32(0).fetch_add(1, SeqCst);
        barrier.wait().unwrap();
        // All three have stepped, and none steps again before all have seen it.
        assert_eq!(step.atomic_u32(0).load(SeqCst), 3 * (round + 1));
        barrier.wait().unwrap();
    }
}

#[test]
fn s26_it_is_used_again_and_again() {
    let barrier = Barrier::new(3).unwrap();
    let step = Segment::create("step", 8).unwrap();
    let children = [(); 2].map(|()| {
        let arguments = (barrier.clone(), step.try_clone().unwrap(), 300);
        Process::new(rounds, arguments).start().unwrap()
    });
    rounds(barrier, step, 300);
    children.into_iter().for_each(joined);
}

#[test]
fn s27_d_d9_a_barrier_for_nobody_is_an_error() {
    let error = Barrier::new(0).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    let alone = Barrier::new(1).unwrap();
    assert_eq!(alone.wait().unwrap(), 0);
    assert_eq!(alone.wait().unwrap(), 0);
}

#[test]
fn f059_a_party_killed_before_it_comes_breaks_it_for_all() {
    let barrier = Barrier::new(3).unwrap();
    let dead = child_at!(never_comes, barrier.clone());
    let waiting = [(); 2].map(|()| child_at!(is_broken_for, barrier.clone()));
    until_asleep(waiting[0].pid());
    kill(&dead);
    for child in waiting {
        assert!(joined(child));
    }
    assert!(barrier.is_broken());
    // Those that are left can begin anew.
    barrier.reset();
    assert_eq!(barrier.waiting(), 0);
}

#[test]
fn f060_d_a4_a_party_killed_inside_breaks_it_for_all() {
    let barrier = Barrier::new(3).unwrap();
    let dead = child_at!(wait, barrier.clone());
    until_asleep(dead.pid());
    kill(&dead);
    // One comes after the death; and one that waited already when it came is told as well.
    assert!(matches!(barrier.wait(), Err(BarrierError::Broken)));
    barrier.reset();
    let dead = child_at!(wait, barrier.clone());
    let alive = child_at!(is_broken_for, barrier.clone());
    until_asleep(dead.pid());
    until_asleep(alive.pid());
    kill(&dead);
    assert!(joined(alive));
}

#[test]
fn f061_a_death_ends_a_wait_with_a_deadline_before_the_deadline() {
    let barrier = Barrier::new(3).unwrap();
    let dead = child_at!(wait, barrier.clone());
    until_asleep(dead.pid());
    thread::scope(|scope| {
        let waiter = scope.spawn(|| barrier.wait_timeout(WATCHDOG));
        kill(&dead);
        let outcome = waiter.join().unwrap();
        assert!(matches!(outcome, Err(BarrierError::Broken)), "{outcome:?}");
    });
}

fn acts_for_ever(barrier: Barrier, opener: Opener) {
    let _ = barrier.wait_with(|| {
        opener.open();
        stay();
    });
}

#[test]
fn a_party_killed_in_the_action_breaks_it_for_all() {
    let barrier = Barrier::new(2).unwrap();
    let waiter = child_at!(is_broken_for, barrier.clone());
    until_asleep(waiter.pid());
    let actor = child_at!(acts_for_ever, barrier.clone());
    kill(&actor);
    assert!(joined(waiter));
}

#[test]
fn who_drops_it_is_no_party_any_more() {
    let barrier = Barrier::new(1).unwrap();
    let child = Process::new(drop::<Barrier>, barrier.clone()).start().unwrap();
    joined(child);
    assert_eq!(barrier.wait().unwrap(), 0);
}

/// A stopped process is late by as many resets as one likes.
#[test]
fn a_waiter_that_looks_late_is_told_of_the_reset_of_its_round() {
    let barrier = Barrier::new(2).unwrap();
    let child = child_at!(is_broken_for, barrier.clone());
    until_waiting(&barrier, 1);
    child.signal(Signal::STOP).unwrap();
    until_stopped(&child);
    for _ in 0..30 {
        barrier.reset();
    }
    child.signal(Signal::CONT).unwrap();
    assert!(joined(child), "a reset was taken for a pass");
}

fn until_stopped<T>(child: &Child<T>) {
    let watchdog = Instant::now() + WATCHDOG;
    let state = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.pid())).unwrap();
        stat.rsplit(')')
            .next()
            .and_then(|rest| rest.trim_start().chars().next())
    };
    while state() != Some('T') {
        assert!(Instant::now() < watchdog, "it does not stop");
        thread::yield_now();
    }
}
