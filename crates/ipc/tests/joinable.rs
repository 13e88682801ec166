//! `JoinableQueue` between real processes: CPython's rows, and the deaths that CPython waits for without end.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs::File;
use std::thread;
use std::time::Duration;

use core_process::{Fd, ForkProcess, Process, Signal, Status, StopSource};
use ipc::{GetError, Item, JoinQueueError, JoinableQueue, PutError, Sender, TaskConsumer, pipe};

core_process::divert_before_main!();

/// Far longer than any test; a test that reaches it has failed.
const WATCHDOG: Duration = Duration::from_secs(60);

fn work(tasks: TaskConsumer<u32>) -> u32 {
    tasks.iter().map(|task| *task.unwrap()).sum()
}

/// Python's `task_done` can be called too often, which is a ValueError there; an item is finished once, by its end.
#[test]
fn q18_f047_an_item_is_finished_once_and_only_once() {
    let tasks = JoinableQueue::new().unwrap();
    tasks.put(&1).unwrap();
    tasks.put(&2).unwrap();
    assert_eq!(tasks.unfinished(), 2);
    let first: Item<u32> = tasks.get().unwrap();
    assert_eq!((*first, first.deliveries(), tasks.qsize()), (1, 1, 1));
    first.task_done();
    assert_eq!(tasks.unfinished(), 1);
    drop(tasks.try_get().unwrap());
    assert_eq!(tasks.unfinished(), 0);
    tasks.join().unwrap();
    assert!(matches!(tasks.try_get(), Err(GetError::Empty)));
}

#[test]
fn q19_join_waits_for_the_work_and_not_for_the_getting() {
    let tasks = JoinableQueue::new().unwrap();
    tasks.join().unwrap();
    tasks.put(&1).unwrap();
    let item = tasks.get().unwrap();
    assert!(tasks.is_empty());
    let late = tasks.join_timeout(Duration::from_millis(20));
    assert!(matches!(late, Err(JoinQueueError::TimedOut)));
    let source = StopSource::new().unwrap();
    source.stop();
    assert!(matches!(
        tasks.join_until(&source.token()),
        Err(JoinQueueError::Stopped)
    ));
    thread::scope(|scope| {
        let joiner = scope.spawn(|| tasks.join_timeout(WATCHDOG));
        drop(item);
        joiner.join().unwrap().unwrap();
    });
}

#[test]
fn workers_finish_everything_and_end_with_their_producer() {
    let (producer, consumer) = JoinableQueue::bounded(3).unwrap().split();
    let workers = [(); 3].map(|()| Process::new(work, consumer.clone()).start().unwrap());
    drop(consumer);
    for task in 1..=300 {
        producer.put(&task).unwrap();
    }
    producer.join_timeout(WATCHDOG).unwrap();
    drop(producer);
    let sum: u32 = workers.iter().map(|worker| worker.join().unwrap()).sum();
    assert_eq!(sum, 300 * 301 / 2);
}

fn get_and_stay(ready: Sender<u32>, tasks: TaskConsumer<u32>) {
    let item = tasks.get().unwrap();
    ready.send(&item).unwrap();
    loop {
        thread::park();
    }
}

/// F048: in CPython `join` waits for ever.
#[test]
fn f048_what_a_killed_consumer_had_is_given_to_another_one() {
    let (producer, consumer) = JoinableQueue::new().unwrap().split();
    for task in [10, 20, 30] {
        producer.put(&task).unwrap();
    }
    let (ready, at) = pipe().unwrap();
    let child = Process::new(get_and_stay, (ready, consumer.clone()));
    let child = child.start().unwrap();
    assert_eq!(at.recv().unwrap(), 10);
    // Alive: nobody else gets it.
    assert_eq!(*consumer.get().unwrap(), 20);
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap(), Status::Signaled(Signal::KILL));
    assert_eq!(*consumer.get_timeout(WATCHDOG).unwrap(), 30);
    let again = consumer.get_timeout(WATCHDOG).unwrap();
    assert_eq!((*again, again.deliveries()), (10, 2));
    assert_eq!(producer.unfinished(), 1);
    drop(again);
    producer.join_timeout(WATCHDOG).unwrap();
}

#[test]
fn a_consumer_that_waits_gets_what_a_dying_one_had() {
    let (producer, consumer) = JoinableQueue::new().unwrap().split();
    producer.put(&7).unwrap();
    let (ready, at) = pipe().unwrap();
    let child = Process::new(get_and_stay, (ready, consumer.clone()));
    let child = child.start().unwrap();
    assert_eq!(at.recv().unwrap(), 7);
    producer.close();
    thread::scope(|scope| {
        // Closed, and nothing is waiting: but it may come back, so this is not the end.
        let waiting = scope.spawn(|| consumer.get_timeout(WATCHDOG).map(|item| *item));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(waiting.join().unwrap().unwrap(), 7);
    });
    assert!(matches!(consumer.get(), Err(GetError::Closed)));
}

#[test]
fn what_is_given_back_is_got_again_by_a_nack_or_a_panic() {
    let tasks = JoinableQueue::new().unwrap();
    for task in [1, 2, 3] {
        tasks.put(&task).unwrap();
    }
    tasks.get().unwrap().nack();
    let again = tasks.get().unwrap();
    assert_eq!((*again, again.deliveries()), (1, 2));
    thread::scope(|scope| {
        let panicked = scope.spawn(|| {
            let _item = again;
            std::panic::resume_unwind(Box::new("on purpose"));
        });
        assert!(panicked.join().is_err());
    });
    let mut got = Vec::new();
    for _ in 0..3 {
        let item = tasks.get().unwrap();
        got.push((*item, item.deliveries()));
    }
    assert_eq!(got, [(1, 3), (2, 1), (3, 1)]);
    tasks.join().unwrap();
}

#[test]
fn two_items_of_one_process_are_two_and_finish_in_any_order() {
    let tasks = JoinableQueue::bounded(2).unwrap();
    tasks.put(&1).unwrap();
    tasks.put(&2).unwrap();
    assert!(matches!(tasks.try_put(&3), Err(PutError::Full)));
    let [one, two] = [(); 2].map(|()| tasks.get().unwrap());
    // What is being worked on leaves room.
    tasks.try_put(&3).unwrap();
    let three = tasks.get().unwrap();
    assert!(matches!(tasks.try_get(), Err(GetError::Empty)));
    assert_eq!((*one, *two, *three), (1, 2, 3));
    drop(three);
    assert_eq!(tasks.unfinished(), 2);
    // Closed, and what is left is this process's own: it would wait for itself.
    tasks.close();
    assert!(matches!(tasks.get(), Err(GetError::Closed)));
    drop(one);
    let late = tasks.join_timeout(Duration::ZERO);
    assert!(matches!(late, Err(JoinQueueError::TimedOut)));
    drop(two);
    tasks.join().unwrap();
}

#[test]
fn when_all_consumers_are_gone_join_says_so() {
    let (producer, consumer) = JoinableQueue::new().unwrap().split();
    producer.put(&1).unwrap();
    thread::scope(|scope| {
        let joiner = scope.spawn(|| producer.join());
        drop(consumer);
        assert!(matches!(joiner.join().unwrap(), Err(JoinQueueError::Abandoned)));
    });
}

#[test]
fn a_value_with_a_descriptor_is_refused() {
    let tasks = JoinableQueue::new().unwrap();
    let file = Fd::from(File::open("/dev/null").unwrap());
    assert!(matches!(tasks.put(&file), Err(PutError::Os(_))));
    tasks.join().unwrap();
}

fn fork_with_an_item() {
    let tasks = JoinableQueue::<u32>::new().unwrap();
    tasks.put(&1).unwrap();
    tasks.put(&2).unwrap();
    let item = tasks.get().unwrap();
    let copy = tasks.clone();
    let child = ForkProcess::new(move || {
        // The copy of the item in this process finishes nothing; its own is its own.
        let own = copy.get().unwrap();
        let number = *own;
        own.nack();
        number
    });
    assert_eq!(child.start().unwrap().join().unwrap(), 2);
    let returned = tasks.get().unwrap();
    assert_eq!((*returned, returned.deliveries(), tasks.unfinished()), (2, 2, 2));
    drop((item, returned));
    tasks.join().unwrap();
}

#[test]
fn a_fork_has_none_of_its_parents_items() {
    Process::new(fork_with_an_item, ())
        .start()
        .unwrap()
        .join()
        .unwrap();
}
