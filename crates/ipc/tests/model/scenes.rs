//! Small plays, one for each thing that a queue's protocols promise: a few processes, what each does, and what must be true at the end.
//!
//! Invariant: a scene fails by a panic, and ends by itself: whoever is left asleep is found by the stage. A scene with a victim holds
//! whatever the victim has done before its death.

use std::sync::Arc;
use std::time::Duration;

use crate::queue::buffer::Buffer;
use crate::queue::leases::WAITING;
use crate::queue::ring::{Getting, NoRoom, Ring};
use crate::queue::sleepers::{sleep, wake_one};
use crate::sys::memory::{Got, Memory, Nesting};

pub(crate) mod leases;
pub(crate) mod ring;
pub(crate) mod sleepers;

/// Where the main mutex of a memory is.
const MUTEX: usize = 64;

/// A lock, by what it promises: one at a time, and it passes from the dead.
struct Lock(Memory);

struct Guard<'a>(&'a Memory);

impl Lock {
    fn new() -> Self {
        let memory = Memory::new([]);
        memory.make_mutex(MUTEX, Nesting::Refused);
        Self(memory)
    }

    fn take(&self) -> Guard<'_> {
        loop {
            match self.0.lock_within(MUTEX, Duration::ZERO) {
                Some(Got::Free) => break,
                Some(Got::FromTheDead) => {
                    self.0.make_consistent(MUTEX);
                    break;
                }
                // It looks again.
                None => {}
            }
        }
        Guard(&self.0)
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.unlock(MUTEX);
    }
}

/// A queue as `put.rs` and `get.rs` put it together: the ring, its two locks, its sleepers.
struct Queue {
    ring: Ring,
    producers: Lock,
    consumers: Lock,
}

impl Queue {
    fn new(bound: Option<u64>) -> Arc<Self> {
        Self::create(bound, Getting::Removes)
    }

    fn create(bound: Option<u64>, getting: Getting) -> Arc<Self> {
        Arc::new(Self {
            ring: Ring::create(bound, getting).unwrap(),
            producers: Lock::new(),
            consumers: Lock::new(),
        })
    }

    /// Whether it is put.
    fn try_put(&self, bytes: &[u8]) -> bool {
        let ticket = self.ring.has_leases().then_some(WAITING);
        {
            let _guard = self.producers.take();
            match self.ring.find_room(bytes.len(), ticket.is_some()) {
                Ok(room) => self.ring.put(&room, ticket, bytes),
                Err(_) => return false,
            }
        }
        wake_one(self.ring.items());
        true
    }

    /// Waits while as many are there as are allowed.
    fn put(&self, bytes: &[u8]) {
        while !self.try_put(bytes) {
            sleep(self.ring.room(), Duration::ZERO, || !self.ring.is_full());
        }
    }

    /// The first value, if there is one.
    fn try_get(&self) -> Option<Vec<u8>> {
        if self.ring.looks_empty() {
            return None;
        }
        let mut bytes = Buffer::new();
        {
            let _guard = self.consumers.take();
            let first = self.ring.first().unwrap()?;
            self.ring.copy(&first, &mut bytes).unwrap();
            self.ring.remove(&first);
        }
        wake_one(self.ring.room());
        Some(bytes.value().to_vec())
    }

    /// Waits for one.
    fn get(&self) -> Vec<u8> {
        loop {
            if let Some(value) = self.try_get() {
                return value;
            }
            sleep(self.ring.items(), Duration::ZERO, || self.ring.waiting() > 0);
        }
    }

    /// Makes the ring larger, as a put that finds no room does.
    fn grow(&self) {
        let _first = self.producers.take();
        let _second = self.consumers.take();
        self.ring.grow(1 << 16, false).unwrap();
    }

    /// What is left, in order: the number of each value, which is whole.
    fn rest(&self) -> Vec<u8> {
        std::iter::from_fn(|| self.try_get())
            .map(|bytes| whole(&bytes))
            .collect()
    }

    /// Lets so many bytes of records come and go.
    fn advance(&self, bytes: usize) {
        // Its head is a word more.
        let value = vec![0; bytes - 8];
        assert!(self.try_put(&value));
        let first = self.ring.first().unwrap().unwrap();
        self.ring.remove(&first);
    }
}

/// A value of two words: torn, it would differ in itself.
fn value(number: u8) -> [u8; 12] {
    [number; 12]
}

/// One that lies in the head of its record: one word.
fn short(number: u8) -> [u8; 3] {
    [number; 3]
}

fn whole(bytes: &[u8]) -> u8 {
    assert!(bytes.len() == 12 || bytes.len() == 3, "{bytes:?} is torn");
    assert!(bytes.iter().all(|byte| *byte == bytes[0]), "{bytes:?} is torn");
    bytes[0]
}
