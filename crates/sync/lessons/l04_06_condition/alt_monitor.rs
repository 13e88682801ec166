//! Lesson 4.6, another right answer: a monitor, which is a value in shared memory with its lock and its condition.
//!
//! The value is the number of items, so the ring is asked only when its user has died.

use core_process::shm::Shared;
use serde::{Deserialize, Serialize};
use sync::{Monitor, MonitorGuard};

use super::check::Ring;

// region monitor
/// What both kinds of processes wait for.
#[repr(C)]
#[derive(Shared)]
struct Stock {
    items: u64,
}

/// A bounded buffer. Every copy is the same buffer.
#[derive(Clone, Serialize, Deserialize)]
pub struct Buffer {
    ring: Ring,
    stock: Monitor<Stock>,
}
// end region

/// A buffer of what is in the ring.
pub fn buffer(ring: Ring) -> Buffer {
    let items = ring.len() as u64;
    Buffer {
        ring,
        stock: Monitor::new(Stock { items }).expect("there is memory for a monitor"),
    }
}

impl Buffer {
    /// The number of items, as soon as it is as wanted.
    fn when(&self, mut wanted: impl FnMut(u64) -> bool) -> MonitorGuard<'_, Stock> {
        let mut guard = self.stock.lock().unwrap_or_else(|mut died| {
            self.repair(died.guard_mut());
            died.repaired()
        });
        while guard.wait_for(|stock| wanted(stock.items)).is_err() {
            self.repair(&mut guard);
            guard.repaired();
        }
        guard
    }

    /// The ring is whole; the number may be that of a moment before, and a notice may be due.
    fn repair(&self, guard: &mut MonitorGuard<'_, Stock>) {
        guard.items = self.ring.len() as u64;
        guard.notify_all();
    }
}

// region answer
/// Puts an item into the buffer, as soon as there is room for it.
pub fn put(buffer: &Buffer, item: u64) {
    let mut stock = buffer.when(|items| items < buffer.ring.capacity() as u64);
    buffer.ring.put(item);
    stock.items += 1;
    stock.notify_all();
}

/// Takes `count` items out of the buffer at once, as soon as there are so many.
pub fn get(buffer: &Buffer, count: usize) -> Vec<u64> {
    let mut stock = buffer.when(|items| items >= count as u64);
    let items = (0..count).map(|_| buffer.ring.take()).collect();
    stock.items -= count as u64;
    stock.notify_all();
    items
}
// end region
