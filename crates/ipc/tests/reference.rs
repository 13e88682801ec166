//! The queues against models of a few lines: random sequences of operations on the real objects in real shared memory must come out as the
//! model says, and a sequence that does not is shrunk to a small one; and values of every size around every edge of the ring.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use core_process::codec;
use ipc::{Consumer, GetError, JoinQueueError, JoinableQueue, Producer, PutError, Queue};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

/// The room for records of a new ring.
const RING: usize = 64 << 10;

/// A value of a length whose bytes follow from its number.
fn value(number: usize, len: usize) -> Vec<u8> {
    (0..len).map(|at| (number + at) as u8).collect()
}

/// Small ones, those around the change from a short record to a long one, and those that a ring of any size is too small for.
fn lengths() -> impl Strategy<Value = usize> {
    prop_oneof![
        8 => 0..100_usize,
        2 => 1000..5000_usize,
        1 => RING - 40..RING + 40,
        1 => 2 * RING - 40..2 * RING + 40,
    ]
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Put(usize),
    Get,
    GetInTime,
    Drain,
    /// A producer more, by a message to this process, or one fewer.
    MoreProducers,
    FewerProducers,
    /// The consumer is replaced by what came of it in a message, which has mapped nothing yet.
    MoveConsumer,
    Close,
}

fn operations() -> impl Strategy<Value = Vec<Op>> {
    let one = prop_oneof![
        12 => lengths().prop_map(Op::Put),
        8 => Just(Op::Get),
        2 => Just(Op::GetInTime),
        1 => Just(Op::Drain),
        1 => Just(Op::MoreProducers),
        1 => Just(Op::FewerProducers),
        1 => Just(Op::MoveConsumer),
        1 => Just(Op::Close),
    ];
    prop::collection::vec(one, 0..60)
}

/// What a queue is.
struct Model {
    values: VecDeque<Vec<u8>>,
    bound: Option<usize>,
    is_closed: bool,
    producers: usize,
}

impl Model {
    fn is_full(&self) -> bool {
        self.bound.is_some_and(|bound| self.values.len() >= bound)
    }

    fn put(&mut self, value: Vec<u8>) -> &'static str {
        if self.is_closed {
            return "closed";
        }
        if self.is_full() {
            return "full";
        }
        self.values.push_back(value);
        "put"
    }

    fn get(&mut self) -> Result<Vec<u8>, &'static str> {
        match self.values.pop_front() {
            Some(value) => Ok(value),
            None if self.is_closed => Err("closed"),
            None if self.producers == 0 => Err("disconnected"),
            None => Err("empty"),
        }
    }
}

fn said(error: &GetError) -> &'static str {
    match error {
        GetError::Empty | GetError::TimedOut => "empty",
        GetError::Closed => "closed",
        GetError::Disconnected => "disconnected",
        _ => "something else",
    }
}

fn moved<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
    let sent = codec::encode(value).unwrap();
    codec::decode(&sent.bytes, sent.descriptors).unwrap()
}

fn plays(bound: Option<usize>, operations: &[Op]) -> Result<(), TestCaseError> {
    let queue = bound.map_or_else(Queue::new, Queue::bounded).unwrap();
    let (producer, mut consumer): (Producer<Vec<u8>>, Consumer<Vec<u8>>) = queue.split();
    let mut producers = vec![producer];
    let mut model = Model {
        values: VecDeque::new(),
        bound,
        is_closed: false,
        producers: 1,
    };
    for (number, operation) in operations.iter().enumerate() {
        match operation {
            Op::Put(len) => {
                let Some(producer) = producers.last() else {
                    continue;
                };
                let value = value(number, *len);
                let found = match producer.try_put(&value) {
                    Ok(()) => "put",
                    Err(PutError::Full) => "full",
                    Err(PutError::Closed) => "closed",
                    Err(_) => "something else",
                };
                prop_assert_eq!(found, model.put(value), "step {}", number);
            }
            Op::Get => {
                let found = consumer.try_get().map_err(|error| said(&error));
                prop_assert_eq!(found, model.get(), "step {}", number);
            }
            Op::GetInTime => {
                let found = consumer.get_timeout(Duration::ZERO);
                prop_assert_eq!(
                    found.map_err(|error| said(&error)),
                    model.get(),
                    "step {}",
                    number
                );
            }
            Op::Drain => {
                let found: Vec<_> = consumer.drain().map(Result::unwrap).collect();
                prop_assert_eq!(found, model.values.drain(..).collect::<Vec<_>>());
            }
            Op::MoreProducers => {
                if let Some(one) = producers.last().map(moved) {
                    producers.push(one);
                }
            }
            Op::FewerProducers => drop(producers.pop()),
            Op::MoveConsumer => consumer = moved(&consumer),
            Op::Close => {
                consumer.close();
                model.is_closed = true;
            }
        }
        model.producers = producers.len();
        prop_assert_eq!(consumer.qsize(), model.values.len());
        prop_assert_eq!(consumer.is_empty(), model.values.is_empty());
        prop_assert_eq!(consumer.is_full(), model.is_full());
        prop_assert_eq!(consumer.is_closed(), model.is_closed);
    }
    drop(producers);
    let rest: Vec<_> = consumer.iter().map(Result::unwrap).collect();
    prop_assert_eq!(rest, model.values.into_iter().collect::<Vec<_>>());
    Ok(())
}

#[derive(Clone, Copy, Debug)]
enum Task {
    Put,
    Get,
    /// The item that was got so many before the last one.
    Finish(usize),
    GiveBack(usize),
    Join,
    Close,
}

fn tasks() -> impl Strategy<Value = Vec<Task>> {
    let one = prop_oneof![
        6 => Just(Task::Put),
        6 => Just(Task::Get),
        3 => (0..4_usize).prop_map(Task::Finish),
        3 => (0..4_usize).prop_map(Task::GiveBack),
        1 => Just(Task::Join),
        1 => Just(Task::Close),
    ];
    prop::collection::vec(one, 0..60)
}

/// What came back is given before what is new, the first that was put first.
fn works(bound: usize, tasks: &[Task]) -> Result<(), TestCaseError> {
    let (producer, consumer) = JoinableQueue::bounded(bound).unwrap().split();
    let (mut waiting, mut returned) = (VecDeque::new(), BTreeMap::new());
    let mut held = Vec::new();
    let mut is_closed = false;
    for (number, task) in tasks.iter().enumerate() {
        match *task {
            Task::Put => {
                let found = match producer.try_put(&number) {
                    Ok(()) => "put",
                    Err(PutError::Full) => "full",
                    Err(PutError::Closed) => "closed",
                    Err(_) => "something else",
                };
                let expected = match waiting.len() {
                    _ if is_closed => "closed",
                    len if len >= bound => "full",
                    _ => {
                        waiting.push_back(number);
                        "put"
                    }
                };
                prop_assert_eq!(found, expected, "step {}", number);
            }
            Task::Get => {
                let expected = match returned.pop_first() {
                    Some((number, deliveries)) => Ok((number, deliveries + 1)),
                    None => waiting.pop_front().map(|number| (number, 1)).ok_or(()),
                };
                let found = consumer.try_get();
                match expected {
                    Ok(expected) => {
                        let item = found.unwrap();
                        prop_assert_eq!((*item, item.deliveries()), expected, "step {}", number);
                        held.push(item);
                    }
                    // Nothing can come back but what this process itself has.
                    Err(()) if is_closed => prop_assert!(matches!(found, Err(GetError::Closed))),
                    Err(()) => prop_assert!(matches!(found, Err(GetError::Empty))),
                }
            }
            Task::Finish(before) if before < held.len() => {
                held.remove(held.len() - 1 - before).task_done();
            }
            Task::GiveBack(before) if before < held.len() => {
                let item = held.remove(held.len() - 1 - before);
                returned.insert(*item, item.deliveries());
                item.nack();
            }
            Task::Join => {
                let is_done = waiting.is_empty() && returned.is_empty() && held.is_empty();
                match producer.join_timeout(Duration::ZERO) {
                    Ok(()) => prop_assert!(is_done),
                    Err(JoinQueueError::TimedOut) => prop_assert!(!is_done),
                    Err(other) => prop_assert!(false, "{}", other),
                }
            }
            Task::Close => {
                producer.close();
                is_closed = true;
            }
            Task::Finish(_) | Task::GiveBack(_) => {}
        }
        let unfinished = waiting.len() + returned.len() + held.len();
        prop_assert_eq!(producer.unfinished(), unfinished, "step {}", number);
        prop_assert_eq!(producer.qsize(), waiting.len(), "step {}", number);
    }
    held.clear();
    drop(producer);
    let mut rest: Vec<usize> = consumer.iter().map(|item| *item.unwrap()).collect();
    rest.sort_unstable();
    let mut expected: Vec<usize> = waiting.into_iter().chain(returned.into_keys()).collect();
    expected.sort_unstable();
    prop_assert_eq!(rest, expected);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(80) })]

    #[test]
    fn a_queue_is_a_list_with_a_bound_and_an_end(
        bound in prop_oneof![Just(None), (1..5_usize).prop_map(Some)],
        operations in operations(),
    ) {
        plays(bound, &operations)?;
    }

    #[test]
    fn a_joinable_queue_gives_what_is_not_finished_again(bound in 1..6_usize, tasks in tasks()) {
        works(bound, &tasks)?;
    }
}

/// At each distance from the end of the ring, so that some word of the value is the last one there, or the first one of the next round.
#[test]
fn values_of_every_size_go_over_the_edge_of_the_ring() {
    for distance in (0..144).step_by(8) {
        for len in 0..80 {
            let queue = Queue::new().unwrap();
            // Its length, its head and the rest of a last word lie beside it.
            queue.put(&value(0, RING - 24 - distance)).unwrap();
            queue.get().unwrap();
            for number in 1..=2 {
                queue.put(&value(number, len)).unwrap();
            }
            for number in 1..=2 {
                assert!(
                    queue.try_get().unwrap() == value(number, len),
                    "{len} bytes, {distance} before the end"
                );
            }
        }
    }
}

/// With a value before it that was not got, the ring grows for one that is a word too long, and for no shorter one; both come as they were put.
#[test]
fn values_of_every_size_around_what_is_left_of_the_room() {
    for ring in [RING, 2 * RING, 4 * RING] {
        for first in [0, 1, 8, 100, RING / 2] {
            for len in (ring - first - 80..ring - first + 16).filter(|len| len % 5 == 0) {
                let queue = Queue::new().unwrap();
                // So that the value lies over the edge.
                queue.put(&value(0, 1000)).unwrap();
                queue.put(&value(1, first)).unwrap();
                assert!(queue.get().unwrap() == value(0, 1000));
                queue.put(&value(2, len)).unwrap();
                assert!(queue.try_get().unwrap() == value(1, first));
                assert!(
                    queue.try_get().unwrap() == value(2, len),
                    "{len} bytes after {first}"
                );
                assert!(queue.is_empty());
            }
        }
    }
}
