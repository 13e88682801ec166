//! `Queue` and `SimpleQueue` between real processes: CPython's rows, and what CPython loses, tears or hangs on.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::thread;
use std::time::{Duration, Instant};

use core_process::{Child, Fd, Process, StopSource, codec};
use ipc::{Consumer, GetError, Producer, PutError, Queue, Sender, SimpleQueue, pipe};
use serde::{Deserialize, Serialize, Serializer};

core_process::divert_before_main!();

/// Far longer than any test; a test that reaches it has failed.
const WATCHDOG: Duration = Duration::from_secs(60);

fn put_all(from: u64, count: u64, queue: Producer<(u64, u64)>) {
    for number in 0..count {
        queue.put(&(from, number)).unwrap();
    }
}

fn get_all(queue: Consumer<(u64, u64)>) -> Vec<(u64, u64)> {
    queue.iter().collect::<Result<_, _>>().unwrap()
}

#[test]
fn q01_many_producers_and_consumers_each_value_once_and_in_the_order_of_its_producer() {
    for queue in [Queue::new().unwrap(), Queue::bounded(3).unwrap()] {
        let (producer, consumer) = queue.split();
        let consumers = [(); 2].map(|()| Process::new(get_all, consumer.clone()).start().unwrap());
        let producers: Vec<Child<()>> = (0..3)
            .map(|from| {
                Process::new(put_all, (from, 400, producer.clone()))
                    .start()
                    .unwrap()
            })
            .collect();
        drop((producer, consumer));
        producers.iter().for_each(|child| child.join().unwrap());
        let got = consumers.map(|child| child.join().unwrap());
        let mut next = HashMap::new();
        for list in &got {
            let mut last = HashMap::new();
            for &(from, number) in list {
                assert!(last.insert(from, number).is_none_or(|before| before < number));
                *next.entry(from).or_insert(0) += 1;
            }
        }
        assert_eq!(next, (0..3).map(|from| (from, 400)).collect());
    }
}

#[test]
fn q02_put_into_a_full_queue_waits_or_says_so() {
    let queue = Queue::bounded(2).unwrap();
    queue.put(&1).unwrap();
    assert!(!queue.is_full());
    queue.try_put(&2).unwrap();
    assert!(queue.is_full());
    assert!(matches!(queue.try_put(&3), Err(PutError::Full)));
    let begin = Instant::now();
    let late = queue.put_timeout(&3, Duration::from_millis(30));
    assert!(matches!(late, Err(PutError::TimedOut)) && begin.elapsed() >= Duration::from_millis(30));
    let source = StopSource::new().unwrap();
    source.stop();
    assert!(matches!(
        queue.put_until(&3, &source.token()),
        Err(PutError::Stopped)
    ));
    thread::scope(|scope| {
        scope.spawn(|| queue.put(&3).unwrap());
        assert_eq!(queue.get().unwrap(), 1);
    });
    assert_eq!(queue.drain().map(Result::unwrap).collect::<Vec<_>>(), [2, 3]);
    assert!(Queue::<u8>::bounded(0).is_err());
}

#[test]
fn q03_get_from_an_empty_queue_waits_or_says_so() {
    let queue = Queue::<u32>::new().unwrap();
    assert!(matches!(queue.try_get(), Err(GetError::Empty)));
    let begin = Instant::now();
    let late = queue.get_timeout(Duration::from_millis(30));
    assert!(matches!(late, Err(GetError::TimedOut)) && begin.elapsed() >= Duration::from_millis(30));
    let source = StopSource::new().unwrap();
    source.stop();
    assert!(matches!(queue.get_until(&source.token()), Err(GetError::Stopped)));
    thread::scope(|scope| {
        let getter = scope.spawn(|| queue.get_timeout(WATCHDOG));
        queue.put(&7).unwrap();
        assert_eq!(getter.join().unwrap().unwrap(), 7);
    });
}

/// C3: 117 of 200 such calls find nothing in CPython. There is no feeder thread here (Q04).
#[test]
fn q04_q05_what_was_put_is_there_at_once() {
    let queue = Queue::new().unwrap();
    for number in 0..1000 {
        queue.put(&number).unwrap();
        assert_eq!(queue.try_get().unwrap(), number);
    }
}

#[test]
fn q06_a_change_after_put_is_not_in_the_queue() {
    let queue = Queue::new().unwrap();
    let mut list = vec![1];
    queue.put(&list).unwrap();
    list.push(2);
    assert_eq!(queue.get().unwrap(), [1]);
}

/// Fine if it is even.
#[derive(Deserialize, Debug, PartialEq)]
struct Fussy(u32);

impl Serialize for Fussy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % 2 == 1 {
            return Err(serde::ser::Error::custom("it is odd"));
        }
        serializer.serialize_newtype_struct("Fussy", &self.0)
    }
}

#[test]
fn q07_f045_a_value_that_cannot_be_encoded_is_the_producers_error_and_takes_no_place() {
    let queue = Queue::bounded(1).unwrap();
    let error = queue.put(&Fussy(1)).unwrap_err();
    assert!(matches!(error, PutError::Encode(_)) && error.to_string().contains("it is odd"));
    assert_eq!(queue.qsize(), 0);
    queue.try_put(&Fussy(2)).unwrap();
    assert_eq!(queue.get().unwrap(), Fussy(2));
}

#[test]
fn q08_q09_qsize_empty_and_full_are_exact_while_nobody_works() {
    let queue = Queue::bounded(3).unwrap();
    assert!(queue.is_empty() && !queue.is_full() && queue.bound() == Some(3));
    for count in 1..=3 {
        queue.put(&vec![0_u8; 100_000]).unwrap();
        assert_eq!(queue.qsize(), count);
    }
    assert!(!queue.is_empty() && queue.is_full());
    queue.get().unwrap();
    assert_eq!(queue.qsize(), 2);
    assert_eq!(Queue::<u8>::new().unwrap().bound(), None);
}

#[test]
fn q10_after_close_nothing_is_put_and_what_is_there_is_got() {
    let queue = Queue::new().unwrap();
    let (producer, consumer) = (queue.producer(), queue.consumer());
    queue.put(&1).unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| consumer.iter().collect::<Result<Vec<u32>, _>>().unwrap());
        producer.put(&2).unwrap();
        producer.close();
        producer.close();
        assert_eq!(waiting.join().unwrap(), [1, 2]);
    });
    assert!(matches!(queue.put(&3), Err(PutError::Closed)));
    assert!(matches!(producer.try_put(&3), Err(PutError::Closed)));
    assert!(matches!(queue.get(), Err(GetError::Closed)) && queue.is_closed());
    // A producer that waits for room is told, too.
    let full = Queue::bounded(1).unwrap();
    full.put(&1).unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| full.put(&2));
        full.close();
        assert!(matches!(waiting.join().unwrap(), Err(PutError::Closed)));
    });
}

fn put_and_exit_at_once(queue: Producer<u32>) {
    (0..1000).for_each(|number| queue.put(&number).unwrap());
    core_process::exit_now(0);
}

/// Q11 and Q12: there is nothing to flush, so nothing to wait for, and nothing to cancel.
#[test]
fn q11_q12_f046_what_was_put_is_there_when_its_producer_has_gone_without_a_goodbye() {
    let (producer, consumer) = Queue::new().unwrap().split();
    let child = Process::new(put_and_exit_at_once, producer).start().unwrap();
    child.wait().unwrap();
    assert_eq!(consumer.iter().map(Result::unwrap).count(), 1000);
}

fn put_megabytes(queue: Producer<Vec<u8>>) {
    (0..10).for_each(|seed| queue.put(&vec![seed; 1 << 20]).unwrap());
}

#[test]
fn q13_f044_a_producer_of_10_mb_is_joined_before_anything_was_got() {
    let (producer, consumer) = Queue::new().unwrap().split();
    let child = Process::new(put_megabytes, producer).start().unwrap();
    child.join().unwrap();
    for (seed, value) in consumer.iter().enumerate() {
        assert!(value.unwrap() == vec![seed as u8; 1 << 20]);
    }
}

#[test]
fn q15_values_of_every_size_in_one_queue() {
    let queue = Queue::new().unwrap();
    let sizes = [0, 1, 7, 8, 9, 65_519, 65_520, 65_536, 1 << 20];
    for round in 0..3 {
        for size in sizes {
            queue.put(&vec![round; size]).unwrap();
        }
        for size in sizes {
            assert!(queue.get().unwrap() == vec![round; size]);
        }
    }
}

#[test]
fn q16_a_fork_has_the_same_queue() {
    let queue = Queue::new().unwrap();
    queue.put(&1).unwrap();
    let copy = queue.clone();
    // A fork is refused where other threads run, as under the test harness: so in a child of its own.
    let child = Process::new(fork_and_put, copy).start().unwrap();
    child.join().unwrap();
    assert_eq!(queue.drain().map(Result::unwrap).collect::<Vec<u32>>(), [1, 2, 3]);
}

fn fork_and_put(queue: Queue<u32>) {
    let copy = queue.clone();
    let child = core_process::ForkProcess::new(move || copy.put(&2).unwrap());
    child.start().unwrap().join().unwrap();
    queue.put(&3).unwrap();
}

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn count_descriptors() -> [usize; 3] {
    let none = open_descriptors();
    let queue = Queue::<Fd<File>>::new().unwrap();
    let one = open_descriptors();
    queue.put(&Fd::from(File::open("/dev/null").unwrap())).unwrap();
    drop(queue.get().unwrap());
    drop(queue.clone().split());
    drop(queue);
    [none, one, open_descriptors()]
}

/// C5: in CPython the descriptors of an unused queue stay.
#[test]
fn q17_a_queue_costs_three_descriptors_and_gives_them_back() {
    let child = Process::new(count_descriptors, ()).start().unwrap();
    let [none, one, after] = child.join().unwrap();
    assert_eq!((one, after), (none + 3, none));
}

#[test]
fn q20_q21_q22_a_simple_queue_needs_no_reader_and_has_every_form() {
    let queue = SimpleQueue::new().unwrap();
    assert!(queue.is_empty());
    // More than any pipe holds: Python's would wait here for ever.
    (0..100).for_each(|seed| queue.put(&vec![seed; 10_000]).unwrap());
    let copy = queue.clone();
    let child = Process::new(simple, copy).start().unwrap();
    assert_eq!(child.join().unwrap(), 100);
    assert!(matches!(queue.try_get(), Err(GetError::Empty)));
    assert!(matches!(
        queue.get_timeout(Duration::from_millis(1)),
        Err(GetError::TimedOut)
    ));
    queue.close();
    assert!(matches!(queue.put(&vec![]), Err(PutError::Closed)));
    assert!(matches!(queue.get(), Err(GetError::Closed)));
}

fn simple(queue: SimpleQueue<Vec<u8>>) -> usize {
    queue.drain().map(Result::unwrap).count()
}

#[test]
fn q23_full_and_empty_are_values_that_can_be_told_from_the_others() {
    let queue = Queue::bounded(1).unwrap();
    assert_eq!(queue.try_get().unwrap_err().to_string(), "the queue is empty");
    queue.put(&1).unwrap();
    assert_eq!(queue.try_put(&1).unwrap_err().to_string(), "the queue is full");
    assert!(!GetError::Empty.is_end() && GetError::Closed.is_end() && GetError::Disconnected.is_end());
}

fn put_one_and_wait(queue: Producer<u32>) {
    queue.put(&1).unwrap();
    loop {
        thread::park();
    }
}

/// In CPython the reader has a copy of the writer, and waits for ever.
#[test]
fn q24_when_all_producers_are_gone_get_says_so_however_they_went() {
    let (producer, consumer) = Queue::new().unwrap().split();
    let recipe = Process::new(put_one_and_wait, producer);
    let child = recipe.start().unwrap();
    drop(recipe);
    assert_eq!(consumer.get().unwrap(), 1);
    child.kill().unwrap();
    let error = consumer.get_timeout(WATCHDOG).unwrap_err();
    assert!(matches!(error, GetError::Disconnected));
    assert!(error.to_string().starts_with("all producers are gone"));
    // One that is in a message is not gone.
    let (producer, consumer) = Queue::<u32>::new().unwrap().split();
    let (carrier, carried) = pipe::<Producer<u32>>().unwrap();
    carrier.send(&producer).unwrap();
    drop(producer);
    assert!(matches!(consumer.try_get(), Err(GetError::Empty)));
    carried.recv().unwrap().put(&5).unwrap();
    assert_eq!(consumer.get().unwrap(), 5);
    assert!(matches!(consumer.try_get(), Err(GetError::Disconnected)));
}

#[test]
fn when_all_consumers_are_gone_a_producer_does_not_wait_for_room() {
    let (producer, consumer) = Queue::bounded(1).unwrap().split();
    producer.put(&1).unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| producer.put(&2));
        drop(consumer);
        assert!(matches!(waiting.join().unwrap(), Err(PutError::Disconnected)));
    });
}

#[derive(Serialize, Deserialize)]
struct Job {
    number: u32,
    answer: Option<Sender<u32>>,
    files: Vec<Fd<File>>,
}

fn work(jobs: Consumer<Job>) {
    for job in jobs.iter() {
        let job = job.unwrap();
        let files = job.files.iter().filter(|file| file.metadata().is_ok()).count();
        if let Some(answer) = job.answer {
            answer.send(&(job.number * 1000 + files as u32)).unwrap();
        }
    }
}

#[test]
fn handles_are_parts_of_values_in_any_number() {
    let (jobs, theirs) = Queue::new().unwrap().split();
    let worker = Process::new(work, theirs).start().unwrap();
    let (answer, answers) = pipe().unwrap();
    for (number, count) in [(1, 0), (2, 3), (3, 252), (4, 300), (5, 0)] {
        let null = File::open("/dev/null").unwrap();
        let files = (0..count).map(|_| Fd::from(null.try_clone().unwrap()));
        let job = Job {
            number,
            answer: Some(answer.clone()),
            files: files.collect(),
        };
        jobs.put(&job).unwrap();
        let nothing = Job {
            number,
            answer: None,
            files: Vec::new(),
        };
        jobs.put(&nothing).unwrap();
        assert_eq!(answers.recv_timeout(WATCHDOG).unwrap(), number * 1000 + count);
    }
    drop(jobs);
    worker.join().unwrap();
}

/// As many values with descriptors as the kernel keeps; the next one waits for room, as in a bounded queue.
#[test]
fn values_with_descriptors_wait_for_room_in_the_kernel() {
    let queue = Queue::<Fd<File>>::new().unwrap();
    let null = Fd::from(File::open("/dev/null").unwrap());
    let mut count = 0;
    while queue.try_put(&null).is_ok() {
        count += 1;
    }
    assert!(count >= 100, "{count}");
    assert!(matches!(queue.try_put(&null), Err(PutError::Full)));
    thread::scope(|scope| {
        let waiting = scope.spawn(|| queue.put_timeout(&null, WATCHDOG));
        for _ in 0..=count {
            assert!(queue.get_timeout(WATCHDOG).unwrap().as_raw_fd() > 2);
        }
        waiting.join().unwrap().unwrap();
    });
    assert!(queue.is_empty());
}

#[test]
fn one_kind_of_end_is_not_taken_for_another() {
    let (producer, consumer) = Queue::<u8>::new().unwrap().split();
    let sent = codec::encode(&producer).unwrap();
    assert!(codec::decode::<Queue<u8>>(&sent.bytes, sent.descriptors).is_err());
    let sent = codec::encode(&SimpleQueue::<u8>::new().unwrap()).unwrap();
    assert!(codec::decode::<Consumer<u8>>(&sent.bytes, sent.descriptors).is_err());
    let sent = codec::encode(&consumer).unwrap();
    drop(codec::decode::<Consumer<u8>>(&sent.bytes, sent.descriptors).unwrap());
}
