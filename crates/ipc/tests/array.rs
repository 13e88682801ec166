//! `Array`, `RawArray` and the parts of an array between real processes.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::Duration;

use core_process::{JoinError, Process, Signal, Status};
use ipc::{Array, ArrayError, OutOfBounds, Part, PartError, RawArray, Receiver, Sender, pipe};
use sync::TryLockError;

core_process::divert_before_main!();

/// Far longer than any test; a test that reaches it has failed.
const WATCHDOG: Duration = Duration::from_secs(60);

fn double(array: Array<i64>) {
    for value in array.lock().unwrap().iter_mut() {
        *value *= 2;
    }
}

#[test]
fn m08_an_array_is_zeros_or_values_and_is_seen_by_all_processes() {
    assert_eq!(*Array::<u16>::zeroed(3).unwrap().lock().unwrap(), [0, 0, 0]);
    let array = Array::from_values([1, 2, 3, 4]).unwrap();
    let child = Process::new(double, array.clone()).start().unwrap();
    child.join_timeout(WATCHDOG).unwrap();
    assert_eq!(array.read(0..4).unwrap(), [2, 4, 6, 8]);
    assert_eq!((array.len(), array.get(3).unwrap()), (4, 8));
    array.set(0, -1).unwrap();
    array.write(1..3, &[7, 7]).unwrap();
    assert_eq!(*array.lock().unwrap(), [-1, 7, 7, 8]);
    assert!(Array::<u64>::zeroed(0).unwrap().is_empty());
    assert!(Array::<u64>::zeroed(usize::MAX).is_err());
}

fn outside<T: core_process::shm::Shared>(error: ArrayError<'_, T>) -> String {
    match error {
        ArrayError::OutOfBounds(error) => error.to_string(),
        ArrayError::OwnerDied(died) => panic!("{died}"),
    }
}

#[test]
fn m09_an_index_or_a_length_that_does_not_fit_is_an_error_and_changes_nothing() {
    let array = Array::from_values([1_u8, 2, 3]).unwrap();
    assert_eq!(
        outside(array.get(3).unwrap_err()),
        "index 3 of an array of 3 values"
    );
    outside(array.get(usize::MAX).unwrap_err());
    outside(array.set(3, 0).unwrap_err());
    assert_eq!(
        outside(array.read(1..4).unwrap_err()),
        "range 1..4 of an array of 3 values"
    );
    #[expect(clippy::reversed_empty_ranges, reason = "it is refused")]
    let reversed = 2..1;
    outside(array.read(reversed).unwrap_err());
    let said = outside(array.write(0..2, &[9]).unwrap_err());
    assert_eq!(said, "1 values for 2 places: the length of an array is fixed");
    assert_eq!(*array.lock().unwrap(), [1, 2, 3]);
    let raw = RawArray::from_values(&[1_u8, 2, 3]).unwrap();
    assert!(matches!(raw.get(3), Err(OutOfBounds::Range { len: 3, .. })));
    raw.set(3, 0).unwrap_err();
    raw.read(1..4).unwrap_err();
    raw.write(0..2, &[9]).unwrap_err();
    assert_eq!(raw.read(0..3).unwrap(), [1, 2, 3]);
}

#[test]
fn m10_bytes_are_a_text_up_to_the_first_zero() {
    let array = Array::from_values(*b"hello").unwrap();
    assert_eq!(array.text().unwrap(), b"hello");
    array.set_text(b"ab").unwrap();
    assert_eq!(array.text().unwrap(), b"ab");
    assert_eq!(*array.lock().unwrap(), *b"ab\0lo");
    array.set_text(b"").unwrap();
    assert_eq!(array.text().unwrap(), b"");
    outside(array.set_text(b"longer").unwrap_err());
    array.set_text(b"fits!").unwrap();
    assert_eq!(*array.lock().unwrap(), *b"fits!");
}

fn vote(votes: RawArray<u32>, times: usize) {
    for round in 0..times {
        votes.atomics()[round % 3].fetch_add(1, Relaxed);
    }
}

#[test]
fn m11_a_raw_array_has_no_lock_and_atomic_integers() {
    let votes = RawArray::zeroed(3).unwrap();
    let start = |_| Process::new(vote, (votes.clone(), 300_000)).start().unwrap();
    for child in [0, 1].map(start) {
        child.join_timeout(WATCHDOG).unwrap();
    }
    assert_eq!(votes.read(0..3).unwrap(), [200_000; 3]);
    votes.write(1..3, &[4, 5]).unwrap();
    assert_eq!((votes.get(0), votes.get(2)), (Ok(200_000), Ok(5)));
    assert_eq!(votes.read(3..3).unwrap(), []);
}

/// Mappings and descriptors of this process that are an array's.
fn kept() -> (usize, usize) {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let links = std::fs::read_dir("/proc/self/fd").unwrap();
    let links = links.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    (
        maps.matches("/memfd:raw array ").count(),
        links
            .filter(|link| link.to_string_lossy().contains("/memfd:raw array "))
            .count(),
    )
}

fn makes_and_drops_many() {
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for len in 1..300 {
                    drop(RawArray::<u64>::zeroed(len).unwrap().clone());
                }
            });
        }
    });
    assert_eq!(kept(), (0, 0));
}

/// There is no heap: each has its own memory, which the kernel frees with the last handle.
#[test]
fn m14_what_is_dropped_is_free_from_whatever_thread() {
    let child = Process::new(makes_and_drops_many, ()).start().unwrap();
    child.join_timeout(WATCHDOG).unwrap();
}

fn add_one(mut part: Part<u64>, others: (Sender<()>, Receiver<()>)) {
    let values = part.slice().unwrap();
    // Both are here at once, which one lock for all would not let them be.
    others.0.send(&()).unwrap();
    others.1.recv_timeout(WATCHDOG).unwrap();
    values.iter_mut().for_each(|value| *value += 1);
}

#[test]
fn parts_are_worked_on_at_the_same_time_and_cover_all() {
    let array = Array::from_values(0..1001).unwrap();
    let ((to_second, from_first), (to_first, from_second)) = (pipe().unwrap(), pipe().unwrap());
    let others = [(to_second, from_second), (to_first, from_first)];
    let parts = array.split(2).unwrap();
    assert_eq!([parts[0].range(), parts[1].range()], [0..501, 501..1001]);
    let children: Vec<_> = parts
        .into_iter()
        .zip(others)
        .map(|work| Process::new(add_one, work).start().unwrap())
        .collect();
    for child in children {
        child.join_timeout(WATCHDOG).unwrap();
    }
    assert!(array.lock().unwrap().iter().copied().eq(1..1002));
}

fn keep(mut part: Part<u64>, at: Sender<()>) {
    part.slice().unwrap()[0] = 77;
    at.send(&()).unwrap();
    loop {
        thread::park();
    }
}

#[test]
fn two_processes_do_not_get_one_part() {
    let array = Array::from_values(0..4).unwrap();
    let (at, there) = pipe().unwrap();
    let recipe = Process::new(keep, (array.split(1).unwrap().remove(0), at));
    let first = recipe.start().unwrap();
    there.recv_timeout(WATCHDOG).unwrap();
    match recipe.start().unwrap().join_timeout(WATCHDOG) {
        Err(JoinError::Failed(error)) => {
            assert!(
                error.to_string().contains("0..4 of the array is held already"),
                "{error}"
            );
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(array.try_lock(), Err(TryLockError::WouldBlock)));
    first.kill().unwrap();
    assert_eq!(first.wait().unwrap(), Status::Signaled(Signal::KILL));
    let died = array.lock().unwrap_err();
    assert_eq!(died.pid(), first.pid());
    assert_eq!(*died.repaired(), [77, 1, 2, 3]);
    let mut part = array.split(1).unwrap().remove(0);
    part.slice().unwrap()[0] = 0;
    drop(part);
    assert_eq!(array.get(0).unwrap(), 0);
}

fn give_back(mut part: Part<u64>) -> Part<u64> {
    part.slice().unwrap().reverse();
    part
}

#[test]
fn a_part_goes_to_a_child_and_comes_back_as_its_result() {
    let array = Array::from_values(0..4).unwrap();
    let part = array.split(2).unwrap().remove(1);
    let mut part = Process::new(give_back, part)
        .start()
        .unwrap()
        .join_timeout(WATCHDOG)
        .unwrap();
    assert_eq!(part.slice().unwrap(), [3, 2]);
    assert!(matches!(array.try_lock(), Err(TryLockError::WouldBlock)));
    drop(part);
    let mut stale = array.split(4).unwrap();
    assert_eq!(*array.lock().unwrap(), [0, 1, 3, 2]);
    assert!(matches!(stale[0].slice(), Err(PartError::Void { .. })));
}

fn increment_under_the_lock(array: Array<u64>, times: usize) {
    for round in 0..times {
        let at = round % array.len();
        array.lock().unwrap()[at] += 1;
    }
}

#[test]
fn two_processes_under_the_lock_lose_nothing() {
    let array = Array::zeroed(5).unwrap();
    let start = |_| {
        Process::new(increment_under_the_lock, (array.clone(), 50_000))
            .start()
            .unwrap()
    };
    for child in [0, 1].map(start) {
        child.join_timeout(WATCHDOG).unwrap();
    }
    assert_eq!(*array.lock().unwrap(), [20_000; 5]);
}
