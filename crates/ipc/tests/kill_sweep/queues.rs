//! Puts and gets: without a system call but for a first mapping, a growth, a sleep; and with descriptors.

use core_process::{Fd, Process, StartMethod, Status};
use grader::inject::point;
use ipc::{Consumer, JoinableQueue, Producer, Queue, TaskConsumer};
use serde::{Deserialize, Serialize};

use crate::calls::{BEGIN, EACH, END, Operation};

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation {
        name: "queue: put, which grows",
        faults: EACH,
        run: || puts(200_000, 0),
    },
    Operation {
        name: "queue: put 2 descriptors",
        faults: EACH,
        run: || puts(10, 2),
    },
    Operation {
        name: "queue: put into a full one",
        faults: EACH,
        run: puts_into_a_full_queue,
    },
    Operation {
        name: "queue: get 2 descriptors",
        faults: EACH,
        run: || gets(10, 2),
    },
    Operation {
        name: "queue: get after a growth",
        faults: EACH,
        run: || gets(200_000, 0),
    },
    Operation {
        name: "queue: get from an empty one",
        faults: EACH,
        run: gets_from_an_empty_queue,
    },
    Operation {
        name: "joinable: get and finish",
        faults: EACH,
        run: || works(Ending::Finishes),
    },
    Operation {
        name: "joinable: get and give back",
        faults: EACH,
        run: || works(Ending::GivesBack),
    },
];

#[derive(Serialize, Deserialize)]
struct Value {
    from: u32,
    text: String,
    files: Vec<Fd<std::io::PipeWriter>>,
}

const VICTIM: u32 = 1;
const MAIN: u32 = 2;

impl Value {
    fn new(from: u32, len: usize, count: usize) -> Self {
        let (_, writer) = std::io::pipe().unwrap();
        Self {
            from,
            text: from.to_string().repeat(len),
            files: (0..count)
                .map(|_| Fd::from(writer.try_clone().unwrap()))
                .collect(),
        }
    }

    /// Whose it is, if it is whole.
    fn check(&self, len: usize, count: usize) -> u32 {
        assert!(self.text == self.from.to_string().repeat(len) && self.files.len() == count);
        self.from
    }
}

/// The victim puts one value, and another one whatever came of the first.
fn put(len: usize, count: usize, queue: Producer<Value>) {
    let value = Value::new(VICTIM, len, count);
    point(BEGIN);
    let first = queue.put(&value);
    point(END);
    let _ = first;
    queue.put(&value).unwrap();
}

/// What comes is whole, the victim's first, and mine at the end.
fn check_all(consumer: &Consumer<Value>, len: usize, count: usize) -> usize {
    let came: Vec<u32> = consumer
        .iter()
        .map(|value| value.unwrap().check(len, count))
        .collect();
    assert_eq!(came.last(), Some(&MAIN));
    assert!(came[..came.len() - 1].iter().all(|&from| from == VICTIM));
    came.len() - 1
}

fn puts(len: usize, count: usize) -> String {
    let (producer, consumer) = Queue::new().unwrap().split();
    let child = Process::new(put, (len, count, producer.clone()))
        .method(StartMethod::Spawn)
        .start()
        .unwrap();
    let status = child.wait().unwrap();
    producer.put(&Value::new(MAIN, len, count)).unwrap();
    drop(producer);
    let victims = check_all(&consumer, len, count);
    assert!(status != Status::Exited(0) || victims >= 1);
    format!("{victims} of the victim's are there, and mine")
}

/// The victim waits for room; the main process makes some.
fn puts_into_a_full_queue() -> String {
    let (producer, consumer) = Queue::bounded(1).unwrap().split();
    producer.put(&Value::new(MAIN, 1, 0)).unwrap();
    let child = Process::new(put, (1_usize, 0_usize, producer))
        .method(StartMethod::Spawn)
        .start()
        .unwrap();
    let came: Vec<u32> = consumer.iter().map(|value| value.unwrap().check(1, 0)).collect();
    let _ = child.wait();
    assert!(came[0] == MAIN && came[1..].iter().all(|&from| from == VICTIM));
    format!("{} of the victim's are there, and mine", came.len() - 1)
}

/// The victim gets one value of two.
fn get(len: usize, count: usize, queue: Consumer<Value>) {
    point(BEGIN);
    let first = queue.get();
    point(END);
    if let Ok(value) = first {
        value.check(len, count);
    }
}

fn gets(len: usize, count: usize) -> String {
    let (producer, consumer) = Queue::new().unwrap().split();
    let child = Process::new(get, (len, count, consumer.clone()))
        .method(StartMethod::Spawn)
        .start()
        .unwrap();
    // One may come while the victim waits for it, the other one after the victim is gone.
    producer.put(&Value::new(MAIN, len, count)).unwrap();
    let _ = child.wait();
    producer.put(&Value::new(MAIN, len, count)).unwrap();
    drop(producer);
    let left = 1 + check_all_mine(&consumer, len, count);
    format!("{left} left of 2, whole")
}

/// How many are there beside the last one.
fn check_all_mine(consumer: &Consumer<Value>, len: usize, count: usize) -> usize {
    let came = consumer
        .iter()
        .map(|value| value.unwrap().check(len, count))
        .inspect(|&from| assert_eq!(from, MAIN))
        .count();
    assert!((1..=2).contains(&came), "{came} are left of 2");
    came - 1
}

/// The victim waits; the main process puts when it does, or is dead.
fn gets_from_an_empty_queue() -> String {
    gets(1, 0)
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum Ending {
    Finishes,
    GivesBack,
}

/// The victim works on one of two tasks.
fn work(ending: Ending, tasks: TaskConsumer<u32>) {
    point(BEGIN);
    if let Ok(item) = tasks.get() {
        // The victim has it here, and can be hit.
        rustix::thread::sched_yield();
        match ending {
            Ending::Finishes => item.task_done(),
            Ending::GivesBack => item.nack(),
        }
    }
    point(END);
}

/// Whatever the victim did not finish is got here, and then all is finished.
fn works(ending: Ending) -> String {
    let (producer, consumer) = JoinableQueue::new().unwrap().split();
    producer.put(&1).unwrap();
    producer.put(&2).unwrap();
    let child = Process::new(work, (ending, consumer.clone()))
        .method(StartMethod::Spawn)
        .start()
        .unwrap();
    let _ = child.wait();
    producer.close();
    let got: Vec<u32> = consumer.iter().map(|item| *item.unwrap()).collect();
    producer.join().unwrap();
    let mut sorted = got.clone();
    sorted.sort_unstable();
    assert!(sorted == [1, 2] || sorted == [2], "{got:?}");
    format!("{got:?} left of [1, 2]")
}
