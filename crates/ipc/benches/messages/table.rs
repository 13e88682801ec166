//! What all players have: every pipe, queue and ring of the games. Who plays against threads finds the rest in `peers/crossbeam.rs`.

use ipc::{Array, Connection, Queue, RawValue, Receiver, Sender, SimpleQueue, Value, duplex, pipe};
use serde::{Deserialize, Serialize};
use sync::RLock;

use crate::board::Board;
use crate::games::values::FILL;
use crate::peers::ring::{Many, Ring};

/// A message of a kilobyte.
pub(crate) const KILOBYTE: usize = 1 << 10;

/// A large message.
pub(crate) const MEGABYTE: usize = 1 << 20;

/// A huge message.
pub(crate) const HUGE: usize = 64 << 20;

/// One of each.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Table {
    pub(crate) board: Board,
    pub(crate) numbers: Queue<u64>,
    pub(crate) simple: SimpleQueue<u64>,
    pub(crate) texts: Queue<Vec<u8>>,
    /// A round trip by queues: to the guest, and to the host.
    pub(crate) there: Queue<u64>,
    pub(crate) back: Queue<u64>,
    pub(crate) trips: (Connection<u64>, Connection<u64>),
    pub(crate) pipe: (Sender<u64>, Receiver<u64>),
    pub(crate) bytes: (Sender<Vec<u8>>, Receiver<Vec<u8>>),
    /// A million wait in it.
    pub(crate) crowded: Queue<u64>,
    pub(crate) quiet: Queue<u64>,
    pub(crate) ring: Ring,
    pub(crate) ring_of_kilobytes: Ring,
    pub(crate) ring_of_megabytes: Ring,
    pub(crate) ring_of_many: Many,
    pub(crate) value: Value<u64>,
    pub(crate) locked: (RLock, RawValue<u64>),
    pub(crate) atomic: RawValue<u64>,
    pub(crate) array: Array<u8>,
}

impl Table {
    pub(crate) fn lay() -> Self {
        let made = "an object is made";
        Self {
            board: Board::new(),
            numbers: Queue::new().expect(made),
            simple: SimpleQueue::new().expect(made),
            texts: Queue::new().expect(made),
            there: Queue::new().expect(made),
            back: Queue::new().expect(made),
            trips: duplex().expect(made),
            pipe: pipe().expect(made),
            bytes: pipe().expect(made),
            crowded: Queue::new().expect(made),
            quiet: Queue::new().expect(made),
            ring: Ring::new(8, 1024),
            ring_of_kilobytes: Ring::new(KILOBYTE, 64),
            ring_of_megabytes: Ring::new(MEGABYTE, 4),
            ring_of_many: Many::new(1024),
            value: Value::new(0).expect(made),
            locked: (RLock::new().expect(made), RawValue::new(0).expect(made)),
            atomic: RawValue::new(0).expect(made),
            array: Array::zeroed(FILL).expect(made),
        }
    }
}
