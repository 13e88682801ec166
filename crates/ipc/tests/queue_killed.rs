//! A process is killed inside `put` or `get`: what it leaves is whole, and the others go on.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use core_process::shm::Segment;
use core_process::{Process, Signal, Status};
use ipc::{Consumer, Producer, Queue, Sender, SimpleQueue, pipe};

core_process::divert_before_main!();

/// Far longer than any test; a test that reaches it has failed.
const WATCHDOG: Duration = Duration::from_secs(60);

/// A text is copied as a block.
fn large(letter: char) -> String {
    std::iter::repeat_n(letter, 30 << 20).collect()
}

fn put_large_for_ever(ready: Sender<()>, queue: Producer<String>) {
    let value = large('y');
    ready.send(&()).unwrap();
    loop {
        queue.put(&value).unwrap();
    }
}

/// F041: in CPython the next reader hangs on half a value.
#[test]
fn q14_f041_a_producer_that_is_killed_inside_put_leaves_whole_values_and_a_queue_that_works() {
    let whole = large('y');
    for _ in 0..5 {
        let queue = Queue::bounded(2).unwrap();
        let (ready, at) = pipe().unwrap();
        let child = Process::new(put_large_for_ever, (ready, queue.producer()))
            .start()
            .unwrap();
        at.recv().unwrap();
        assert!(queue.get().unwrap() == whole);
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap(), Status::Signaled(Signal::KILL));
        for value in queue.drain() {
            assert!(value.unwrap() == whole, "a torn value");
        }
        queue.put_timeout(&"hello".to_owned(), WATCHDOG).unwrap();
        assert_eq!(queue.get_timeout(WATCHDOG).unwrap(), "hello");
    }
}

fn get_for_ever(counter: Segment, queue: Consumer<u64>) {
    loop {
        queue.get().unwrap();
        counter.atomic_u64(0).fetch_add(1, Relaxed);
    }
}

/// F042: in CPython the dead one keeps the lock of the readers.
#[test]
fn q14_f042_consumers_that_are_killed_inside_get_take_at_most_one_value_each() {
    // With a bound, so that what a slow consumer leaves is soon drained.
    let queue = Queue::bounded(100).unwrap();
    let counter = Segment::create("counter", 8).unwrap();
    let killed = 6_u64;
    let mut put = 0;
    for _ in 0..killed {
        let child = Process::new(get_for_ever, (counter.try_clone().unwrap(), queue.consumer()));
        let child = child.start().unwrap();
        let before = counter.atomic_u64(0).load(Relaxed);
        while counter.atomic_u64(0).load(Relaxed) < before + 50 {
            if !child.is_alive() {
                panic!("{:?}", child.join());
            }
            queue.put_timeout(&put, WATCHDOG).unwrap();
            put += 1;
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let left = queue.drain().map(Result::unwrap).count() as u64;
    let got = counter.atomic_u64(0).load(Relaxed);
    assert!(
        got + left <= put && put <= got + left + killed,
        "{got} + {left} of {put}"
    );
    queue.put(&1).unwrap();
    assert_eq!(queue.get_timeout(WATCHDOG).unwrap(), 1);
}

fn get_from_simple_for_ever(counter: Segment, queue: SimpleQueue<u64>) {
    loop {
        queue.get().unwrap();
        counter.atomic_u64(0).fetch_add(1, Relaxed);
    }
}

/// F043: in CPython another consumer waits for ever for the lock of the dead one.
#[test]
fn q14_f043_another_gets_from_a_simple_queue_whose_consumer_was_killed_inside_get() {
    let queue = SimpleQueue::new().unwrap();
    let counter = Segment::create("counter", 8).unwrap();
    let killed = 6_u64;
    let mut put = 0;
    for _ in 0..killed {
        let child = Process::new(
            get_from_simple_for_ever,
            (counter.try_clone().unwrap(), queue.clone()),
        );
        let child = child.start().unwrap();
        let before = counter.atomic_u64(0).load(Relaxed);
        while counter.atomic_u64(0).load(Relaxed) < before + 50 {
            if !child.is_alive() {
                panic!("{:?}", child.join());
            }
            // One at a time, so that it waits inside `get` most of the time.
            if queue.is_empty() {
                queue.put(&put).unwrap();
                put += 1;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let mut left = 0;
    while queue.try_get().is_ok() {
        left += 1;
    }
    let got = counter.atomic_u64(0).load(Relaxed);
    assert!(
        got + left <= put && put <= got + left + killed,
        "{got} + {left} of {put}"
    );
    queue.put(&1).unwrap();
    assert_eq!(queue.get_timeout(WATCHDOG).unwrap(), 1);
}
