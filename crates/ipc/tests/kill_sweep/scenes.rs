//! The operations whose every instruction is swept: what the victim does, who sleeps meanwhile, and what must be true afterwards.
//!
//! Every scene counts: what was put before is got once and in order, the value in the victim's hand whole or not at all, the others go
//! on with put and get, and when the last of a side is gone the other one is told.

mod ending;
mod getting;
mod leasing;
mod pipes;
mod putting;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use core_process::shm::Segment;
use core_process::{Fd, ForkProcess, codec};
use grader::stepping::{Named, Shared, WATCHDOG};
use ipc::{Consumer, GetError, Producer, Queue};
use serde::{Deserialize, Serialize};

pub(crate) const SCENES: &[Named] = &[
    ("queue: put", putting::put),
    ("queue: put, a consumer sleeps", putting::put_for_a_sleeper),
    ("queue: put over the edge", putting::put_over_the_edge),
    ("queue: put, the ring grows", putting::put_that_grows),
    ("queue: put 2 descriptors", putting::put_descriptors),
    ("queue: put in vain, in time", putting::put_in_vain),
    ("queue: get", getting::get),
    ("queue: get, a producer sleeps", getting::get_for_a_sleeper),
    ("queue: get over the edge", getting::get_over_the_edge),
    ("queue: get, the ring has grown", getting::get_after_a_growth),
    ("queue: get 2 descriptors", getting::get_descriptors),
    ("queue: get in vain, in time", getting::get_in_vain),
    ("queue: close, a consumer sleeps", ending::close_for_a_consumer),
    ("queue: close, a producer sleeps", ending::close_for_a_producer),
    ("queue: the last producer drops", ending::last_producer),
    ("queue: the last consumer drops", ending::last_consumer),
    ("simple: put, get", putting::simple),
    ("joinable: put", leasing::put),
    ("joinable: get", leasing::get),
    ("joinable: get from the dead", leasing::get_from_the_dead),
    ("joinable: finish, one joins", leasing::finish),
    ("joinable: finish the later first", leasing::finish_out_of_order),
    ("joinable: nack, a consumer sleeps", leasing::nack),
    ("joinable: close, a consumer works", leasing::close),
    ("joinable: the last consumer drops", leasing::last_consumer),
    ("pipe: send", pipes::send),
    ("pipe: send 2 descriptors", pipes::send_descriptors),
    ("pipe: send 40 KB", pipes::send_large),
    ("pipe: receive", pipes::receive),
    ("pipe: receive 2 descriptors", pipes::receive_descriptors),
    ("pipe: the last sender drops", pipes::last_sender),
];

/// Whose value it is: those of the main process are numbered from 0.
const VICTIM: u32 = 1000;
/// A sleeper's.
const SLEEPER: u32 = 2000;

/// Long enough for a wait to sleep once.
const A_MOMENT: Duration = Duration::from_millis(1);

/// Where the records of a ring begin.
const HEAD: usize = 4096;
/// As much of a head or of a lock as can change.
const WORDS: usize = 1024;

/// One that shows whether it is whole, and whether its descriptors are its own.
#[derive(Debug, Serialize, Deserialize)]
struct Value {
    from: u32,
    text: String,
    files: Vec<Fd<File>>,
}

impl Value {
    fn new(from: u32, len: usize, count: usize) -> Self {
        let file = || {
            let file = rustix::fs::memfd_create("value", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
            let file = File::from(file);
            file.write_all_at(&from.to_le_bytes(), 0).unwrap();
            Fd::from(file)
        };
        Self {
            from,
            text: "x".repeat(len),
            files: (0..count).map(|_| file()).collect(),
        }
    }

    fn small(from: u32) -> Self {
        Self::new(from, 1, 0)
    }

    /// Whose it is, or what is torn.
    fn whose(&self, len: usize, count: usize) -> Result<u32, String> {
        let is_own = |file: &Fd<File>| {
            let mut bytes = [0; 4];
            file.read_exact_at(&mut bytes, 0).is_ok() && u32::from_le_bytes(bytes) == self.from
        };
        if self.text == "x".repeat(len) && self.files.len() == count && self.files.iter().all(is_own) {
            return Ok(self.from);
        }
        Err(format!("torn: {self:?}"))
    }
}

/// What is there, whole and in order.
fn rest(consumer: &Consumer<Value>, len: usize, count: usize) -> Result<Vec<u32>, String> {
    consumer
        .drain()
        .map(|value| value.map_err(|error| error.to_string())?.whose(len, count))
        .collect()
}

/// One of two outcomes, or what is wrong.
fn either(
    found: &[u32],
    (one, what): (&[u32], &'static str),
    (other, else_what): (&[u32], &'static str),
) -> Result<&'static str, String> {
    match found {
        found if found == one => Ok(what),
        found if found == other => Ok(else_what),
        found => Err(format!("{found:?} are there, and neither {one:?} nor {other:?}")),
    }
}

/// The last producer goes: consumers are told.
fn ends(producer: Producer<Value>, consumer: Consumer<Value>) -> Box<dyn FnOnce() -> Result<(), String>> {
    Box::new(move || {
        drop(producer);
        match consumer.get_timeout(WATCHDOG) {
            Err(GetError::Disconnected) => Ok(()),
            other => Err(format!("at the end: {other:?}")),
        }
    })
}

/// The regular files of an object, with their sizes.
fn files_of(object: &impl Serialize) -> Vec<(File, usize)> {
    let sent = codec::encode(object).unwrap();
    let files = sent.descriptors.into_iter().map(File::from);
    files
        .filter_map(|file| {
            let facts = file.metadata().unwrap();
            facts.is_file().then_some((file, facts.len() as usize))
        })
        .collect()
}

/// The memory of an object whose records lie at the beginning of the ring.
fn memory_of(object: &impl Serialize) -> Vec<Shared> {
    let shared = |(file, len): (File, usize)| {
        let looked_at = if len > HEAD { HEAD + WORDS } else { WORDS };
        Shared::new(file.into(), looked_at)
    };
    files_of(object).into_iter().map(shared).collect()
}

/// The memory of an object whose records go over the edge of the ring, at whatever size it is: the last bytes, the first ones, and those that
/// become the first of the new half when it grows.
fn memory_at_the_edge(object: &impl Serialize) -> Vec<Shared> {
    let shared = |(file, len): (File, usize)| {
        let parts = if len > HEAD {
            vec![0..WORDS, HEAD..HEAD + WORDS, len - WORDS..len + 2 * WORDS]
        } else {
            std::iter::once(0..WORDS).collect()
        };
        Shared::of_parts(file.into(), parts)
    };
    files_of(object).into_iter().map(shared).collect()
}

/// The size of the ring's file.
fn size_of_ring(object: &impl Serialize) -> usize {
    files_of(object).iter().map(|(_, len)| *len).max().unwrap()
}

/// Bytes of the text of a value that goes over the edge.
const EDGE: usize = 200;

/// How many such values fit into the ring of a new queue.
fn room_of_ring() -> u32 {
    let queue = Queue::new().unwrap();
    let first = size_of_ring(&queue);
    let mut count = 0;
    while size_of_ring(&queue) == first {
        queue.put(&Value::new(0, EDGE, 0)).unwrap();
        count += 1;
    }
    count - 1
}

/// A word in which a sleeper notes whose value it got.
fn note() -> Segment {
    Segment::create("note", 8).unwrap()
}

/// What is made once for all of a process is made: by a queue's life, and a child's.
pub(crate) fn warm_up() {
    room_of_ring();
    let child = ForkProcess::new(|| ()).start().unwrap();
    child.join().unwrap();
}
