//! `Locked` values and their parts between real processes: who has them, and what a death leaves.
#![allow(clippy::unwrap_used, reason = "a test")]

mod gate;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use core_process::{ChildError, ForkProcess, Process, StopSource, codec};
use gate::{Opener, WATCHDOG, child_at, kill, stay};
use sync::{LockError, Locked, Part, PartError, TryLockError};

core_process::divert_before_main!();

fn numbers(count: usize) -> Locked<[u64]> {
    Locked::array("numbers", count, |index| index as u64).unwrap()
}

fn add_many(value: Locked<u64>, times: u64) {
    for _ in 0..times {
        *value.lock().unwrap() += 1;
    }
}

#[test]
fn one_at_a_time_has_the_value() {
    let value = Locked::value("sum", 0_u64).unwrap();
    let start = |_| Process::new(add_many, (value.clone(), 100_000)).start().unwrap();
    for child in [0, 1].map(start) {
        child.join_timeout(WATCHDOG).unwrap();
    }
    assert_eq!(*value.lock().unwrap(), 200_000);
}

#[test]
fn the_lock_nests_and_the_values_do_not() {
    let numbers = numbers(3);
    let outer = numbers.hold().unwrap();
    let inner = numbers.hold().unwrap();
    assert_eq!(inner.depth(), 2);
    let guard = numbers.lock().unwrap();
    let said = catch_unwind(AssertUnwindSafe(|| drop(numbers.lock()))).unwrap_err();
    let said = said.downcast_ref::<&str>().unwrap();
    assert!(said.contains("has the values already"), "{said}");
    assert!(catch_unwind(AssertUnwindSafe(|| drop(numbers.try_lock()))).is_err());
    assert_eq!(*guard, [0, 1, 2]);
    drop((guard, outer, inner));
    assert!(!numbers.is_locked());
}

fn die_with_it(value: Locked<u64>, opener: Opener) {
    let mut guard = value.lock().unwrap();
    *guard = 13;
    opener.open();
    stay();
}

#[test]
fn a_dead_owner_leaves_the_value_and_the_news() {
    let value = Locked::value("sum", 0_u64).unwrap();
    let child = child_at!(die_with_it, value.clone());
    let stopped = StopSource::new().unwrap();
    stopped.stop();
    assert!(matches!(value.try_lock(), Err(TryLockError::WouldBlock)));
    assert!(matches!(
        value.lock_timeout(Duration::ZERO),
        Err(LockError::TimedOut)
    ));
    assert!(matches!(
        value.lock_until(&stopped.token()),
        Err(LockError::Stopped)
    ));
    kill(&child);
    for _ in 0..2 {
        let died = value.lock().unwrap_err();
        assert_eq!((died.pid(), **died.guard()), (child.pid(), 13));
    }
    *value.lock().unwrap_err().repaired() = 0;
    assert_eq!(*value.lock().unwrap(), 0);
}

/// Whether a forked child is refused by the copies of its parent's guard and part, and what the parent has afterwards.
fn looks_at_copies() -> (bool, bool, u64) {
    let value = Locked::value("sum", 1_u64).unwrap();
    let guard = value.lock().unwrap();
    let mut part = numbers(2).split(1).unwrap().remove(0);
    part.slice().unwrap()[0] = 5;
    let (first, part) = (&guard, std::sync::Mutex::new(part));
    let looks = || {
        std::panic::set_hook(Box::new(|_| {}));
        let copy = catch_unwind(AssertUnwindSafe(|| **first)).is_err();
        let mut part = part.lock().unwrap();
        (copy, matches!(part.slice(), Err(PartError::Held { .. })))
    };
    let (guard_refused, part_refused) = ForkProcess::new(looks).start().unwrap().join().unwrap();
    let mut part = part.lock().unwrap();
    (guard_refused, part_refused, *guard + part.slice().unwrap()[0])
}

#[test]
fn a_forked_copy_of_a_guard_or_a_part_has_nothing() {
    // In a child, since the test's harness has threads, and who has them does not fork.
    let child = Process::new(looks_at_copies, ()).start().unwrap();
    assert_eq!(child.join_timeout(WATCHDOG).unwrap(), (true, true, 6));
}

#[test]
fn somebody_elses_memory_is_checked() {
    let value = Locked::value("sum", 1_u64).unwrap();
    let array = numbers(1);
    let again = |sent: codec::Encoded| codec::decode::<Locked<u32>>(&sent.bytes, sent.descriptors);
    let said = again(codec::encode(&value).unwrap()).unwrap_err().to_string();
    assert!(said.contains("does not hold `u32`"), "{said}");
    let sent = codec::encode(&array).unwrap();
    assert!(codec::decode::<Locked<u64>>(&sent.bytes, sent.descriptors).is_err());
    let sent = codec::encode(&sync::Lock::new().unwrap()).unwrap();
    assert!(codec::decode::<Locked<[u64]>>(&sent.bytes, sent.descriptors).is_err());
    let sent = codec::encode(&array).unwrap();
    let same: Locked<[u64]> = codec::decode(&sent.bytes, sent.descriptors).unwrap();
    same.lock().unwrap()[0] = 9;
    assert_eq!(*array.lock().unwrap(), [9]);
}

fn double(mut part: Part<u64>) {
    for value in part.slice().unwrap() {
        *value *= 2;
    }
}

#[test]
fn parts_cover_the_array_once_and_are_worked_on_at_once() {
    for (count, parts) in [(0, 1), (0, 3), (1, 2), (7, 3), (8, 2), (1000, 7)] {
        let numbers = numbers(count);
        let parts = numbers.split(parts).unwrap();
        let mut next = 0;
        for part in &parts {
            assert_eq!(part.range().start, next);
            next = part.range().end;
        }
        assert_eq!(next, count);
        let longest = parts.iter().map(Part::len).max().unwrap();
        assert!(parts.iter().all(|part| part.len() + 1 >= longest));
        let children: Vec<_> = parts
            .into_iter()
            .map(|part| Process::new(double, part).start().unwrap())
            .collect();
        for child in children {
            child.join_timeout(WATCHDOG).unwrap();
        }
        let expected: Vec<u64> = (0..count as u64).map(|value| value * 2).collect();
        assert_eq!(*numbers.lock().unwrap(), expected);
    }
}

fn keep(mut part: Part<u64>, opener: Opener) {
    part.slice().unwrap()[0] = 77;
    opener.open();
    stay();
}

#[test]
fn a_part_has_one_holder_and_comes_back_when_that_dies() {
    let numbers = numbers(4);
    let mut parts = numbers.split(2).unwrap();
    let second = parts.pop().unwrap();
    let first = parts.pop().unwrap();
    let (opener, gate) = gate::gate();
    let recipe = Process::new(keep, (first, opener));
    let child = recipe.start().unwrap();
    gate.pass();
    // The recipe has the part, too: its second child does not get it.
    match recipe.start().unwrap().join_timeout(WATCHDOG) {
        Err(core_process::JoinError::Failed(ChildError::Argument { message: why })) => {
            assert!(why.contains("0..2 of the array is held"), "{why}");
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(numbers.try_lock(), Err(TryLockError::WouldBlock)));
    assert!(matches!(
        numbers.lock_timeout(Duration::ZERO),
        Err(LockError::TimedOut)
    ));
    let mut second = second;
    assert_eq!(second.slice().unwrap(), [2, 3]);
    drop(second);
    kill(&child);
    let died = numbers.lock_timeout(WATCHDOG).unwrap_err();
    let LockError::OwnerDied(died) = died else {
        panic!("{died:?}");
    };
    assert_eq!(died.pid(), child.pid());
    assert_eq!(*died.repaired(), [77, 1, 2, 3]);
    assert!(numbers.lock().is_ok());
}

#[test]
fn who_locks_sleeps_until_the_last_part_is_dropped() {
    let numbers = numbers(4);
    let mut parts = numbers.split(2).unwrap();
    for part in &mut parts {
        part.slice().unwrap()[0] = 9;
    }
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| numbers.lock().unwrap().to_vec());
        let sleeps = || {
            let tasks = std::fs::read_dir("/proc/self/task").unwrap();
            let mut calls =
                tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("syscall")).ok());
            calls.any(|call| call.starts_with(&format!("{} ", libc::SYS_fcntl)))
        };
        while !sleeps() && !waits.is_finished() {
            std::thread::yield_now();
        }
        drop(parts);
        assert_eq!(waits.join().unwrap(), [9, 1, 9, 3]);
    });
}

#[test]
fn a_part_of_before_is_void() {
    let numbers = numbers(4);
    let mut old = numbers.split(1).unwrap();
    drop(numbers.lock().unwrap());
    assert!(matches!(
        old[0].slice(),
        Err(PartError::Void { range }) if range == (0..4)
    ));
    let mut new = numbers.split(1).unwrap();
    assert!(matches!(old[0].slice(), Err(PartError::Void { .. })));
    new[0].slice().unwrap()[3] = 8;
    assert!(matches!(old[0].slice(), Err(PartError::Held { .. })));
    drop(new);
    assert_eq!(*numbers.lock().unwrap(), [0, 1, 2, 8]);
}

#[test]
fn a_message_that_names_no_part_is_refused() {
    let numbers = numbers(4);
    for (start, end, number) in [
        (0_usize, 5_usize, 2_u32),
        (3, 2, 2),
        (0, 4, 0),
        (0, 4, 3),
        (0, 4, 2),
    ] {
        let sent = codec::encode(&(&numbers, start, end, number)).unwrap();
        assert!(codec::decode::<Part<u64>>(&sent.bytes, sent.descriptors).is_err());
    }
}
