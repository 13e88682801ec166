//! `Once` between real processes: done by one, and done again if the one was killed in it.
#![allow(clippy::unwrap_used, reason = "a test")]

mod gate;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use core_process::shm::Segment;
use core_process::{Process, WaitError};
use gate::{Opener, WATCHDOG, child_at, kill, stay};
use sync::{Once, Start};

core_process::divert_before_main!();

fn count(once: Once, counter: Segment) -> u64 {
    once.call(|_| {
        counter.atomic_u64(0).fetch_add(1, Relaxed);
    });
    counter.atomic_u64(0).load(Relaxed)
}

#[test]
fn one_of_all_does_it_and_all_see_it_done() {
    let once = Once::new().unwrap();
    let counter = Segment::create("counter", 8).unwrap();
    let children = [(); 4].map(|()| {
        let arguments = (once.clone(), counter.try_clone().unwrap());
        Process::new(count, arguments).start().unwrap()
    });
    for child in children {
        assert_eq!(child.join_timeout(WATCHDOG).unwrap(), 1);
    }
    assert!(once.is_done());
    assert_eq!(format!("{once:?}"), "Once { is_done: true, .. }");
}

fn never_done(once: Once, opener: Opener) {
    once.call(|_| {
        opener.open();
        stay();
    });
}

#[test]
fn who_is_killed_in_it_has_not_done_it() {
    let once = Once::new().unwrap();
    let child = child_at!(never_done, once.clone());
    let timed_out = once.call_until(Duration::from_millis(10), |_| unreachable!());
    assert!(matches!(timed_out, Err(WaitError::TimedOut)));
    let begin = Instant::now();
    let time = Duration::from_millis(20);
    let timed_out = once.call_timeout(time, |_| unreachable!());
    assert!(matches!(timed_out, Err(WaitError::TimedOut)));
    assert!(begin.elapsed() >= time);
    assert!(!once.try_call(|_| unreachable!()));
    let waiter = thread::spawn({
        let once = once.clone();
        move || {
            let mut found = None;
            once.call_timeout(WATCHDOG, |start| found = Some(start)).unwrap();
            found
        }
    });
    kill(&child);
    assert_eq!(waiter.join().unwrap(), Some(Start::AfterDeath));
    assert!(once.try_call(|_| unreachable!()));
    once.call(|_| unreachable!());
}

#[test]
fn who_panics_in_it_has_not_done_it() {
    let once = Once::new().unwrap();
    let panics = || once.call(|_| std::panic::resume_unwind(Box::new("on purpose")));
    catch_unwind(AssertUnwindSafe(panics)).unwrap_err();
    let mut found = None;
    once.call(|start| found = Some(start));
    assert_eq!(found, Some(Start::Fresh));
}
