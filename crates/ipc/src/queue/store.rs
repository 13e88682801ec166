//! What all handles of a queue share: the ring, the two locks in its memory, and the socket pair through which descriptors travel and by which
//! each side knows whether there is anybody on the other one.
//!
//! Invariant: a side is gone when the kernel says so: every copy of its end of the pair is closed, in every process and in every
//! message on its way. A record's descriptors are in the pair before the record is in the ring, under the ticket that the record
//! has; a packet whose ticket no record has was left by somebody who died, and is thrown away by the next consumer who meets it.
//! This file does not know what the bytes mean.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::Duration;

use core_process::packet::PacketSocket;
use core_process::probe::{self, Phase};
use core_process::{Fd, Until, WaitError};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sync::passage::{Inside, Passage};

use super::leases::Leases;
use super::pause::Pause;
use super::ring::words::{CONSUMERS, PRODUCERS};
use super::ring::{Getting, Ring};
use super::sleepers::wake_all;
use crate::channel::Patience;

/// How long a call that does not wait waits for a lock, which others have for no longer than it takes to copy a value.
const MOMENT: Duration = Duration::from_millis(50);

/// The part that both sides have.
pub(crate) struct Store {
    ring: Ring,
    producers: Passage,
    consumers: Passage,
    /// For an observer. The same in every process.
    id: u64,
}

/// One side's end of the socket pair, and the queue. When the last copy is closed, the other side is woken to see it.
pub(crate) struct Side {
    /// There until it is dropped.
    socket: Option<PacketSocket>,
    store: Arc<Store>,
    /// What this process has got by this handle and has not finished, in a queue with leases.
    leases: Leases,
    /// How long it stays away before it looks for the other side's work.
    pause: Pause,
    /// How many handles had gone in peace when this one last asked whether it was alone, and was not.
    asked: AtomicU32,
}

/// A new queue: its store, and the ends of its producers and its consumers.
pub(crate) fn create(bound: Option<u64>, getting: Getting) -> io::Result<(Arc<Side>, Arc<Side>)> {
    let ring = Ring::create(bound, getting)?;
    let id = rustix::fs::fstat(&ring)?.st_ino;
    for lock in [PRODUCERS, CONSUMERS] {
        Passage::lay_out(ring.memory(), lock)?;
    }
    let store = Arc::new(Store::of(ring, id)?);
    let (to, from) = PacketSocket::pair()?;
    let [to, from] = [to, from].map(|socket| Arc::new(Side::of(socket, &store)));
    Ok((to, from))
}

impl Side {
    fn of(socket: PacketSocket, store: &Arc<Store>) -> Self {
        Self {
            socket: Some(socket),
            store: Arc::clone(store),
            leases: Leases::new(),
            pause: Pause::new(),
            asked: AtomicU32::new(u32::MAX),
        }
    }

    #[inline]
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// What this process has got by this handle and has not finished.
    pub(super) fn leases(&self) -> &Leases {
        &self.leases
    }

    pub(super) fn pause(&self) -> &Pause {
        &self.pause
    }

    pub(super) fn socket(&self) -> &PacketSocket {
        match &self.socket {
            Some(socket) => socket,
            None => unreachable!("it is closed by the drop alone"),
        }
    }

    /// Whether nobody is left on the other side: a system call.
    pub(super) fn is_alone(&self) -> bool {
        // Acquire: pairs with the Release in `drop`: who is seen there has closed its end.
        let left = self.store.ring.left().load(Acquire);
        let is_alone = self.socket().is_abandoned();
        if !is_alone {
            self.asked.store(left, Relaxed);
        }
        is_alone
    }

    /// Whether a handle went in peace since this one asked, or it never has. Who is killed does not say so.
    pub(super) fn may_be_alone(&self) -> bool {
        self.store.ring.left().load(Relaxed) != self.asked.load(Relaxed)
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        self.socket = None;
        self.store.ring.left().fetch_add(1, Release);
        self.store.wake_everybody();
    }
}

/// Takes a lock, and asks for no news of a dead owner: the ring is whole at any instruction.
#[inline]
pub(super) fn take<'a>(lock: &'a Passage, until: &Until) -> Result<Inside<'a>, WaitError> {
    lock.enter(until)
}

#[inline]
pub(super) fn take_patiently<'a>(lock: &'a Passage, patience: Patience<'_>) -> Result<Inside<'a>, WaitError> {
    if let Some(inside) = lock.try_enter() {
        return Ok(inside);
    }
    match patience {
        Patience::None => take(lock, &Until::from(MOMENT)),
        Patience::Until(until) => take(lock, until),
    }
}

impl Store {
    fn of(ring: Ring, id: u64) -> io::Result<Self> {
        Ok(Self {
            producers: Passage::at(ring.memory(), PRODUCERS)?,
            consumers: Passage::at(ring.memory(), CONSUMERS)?,
            ring,
            id,
        })
    }

    #[inline]
    pub(crate) fn ring(&self) -> &Ring {
        &self.ring
    }

    pub(super) fn producers(&self) -> &Passage {
        &self.producers
    }

    pub(super) fn consumers(&self) -> &Passage {
        &self.consumers
    }

    /// Its number, for an observer.
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Lets nothing in any more, and wakes all who wait.
    pub(crate) fn close(&self) {
        if let Ok(_guard) = take(&self.producers, &Until::forever()) {
            self.ring.close();
        }
        self.wake_everybody();
    }

    pub(super) fn wake_everybody(&self) {
        for word in [self.ring.items(), self.ring.room(), self.ring.done()] {
            wake_all(word);
        }
    }
}

/// Tells an observer of a wait without a deadline, which may last for ever; its drop tells the end.
pub(super) struct Told {
    name: &'static str,
    id: u64,
    caller: &'static Location<'static>,
}

impl Told {
    pub(super) fn begin(
        name: &'static str,
        id: u64,
        until: &Until,
        caller: &'static Location<'static>,
    ) -> Option<Self> {
        until.deadline().is_none().then(|| {
            probe::emit(name, Phase::Begin, id, 0, Some(caller));
            Self { name, id, caller }
        })
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        probe::emit(self.name, Phase::End, self.id, 0, Some(self.caller));
    }
}

impl fmt::Debug for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Store { ring, id, .. } = self.store();
        write!(f, "queue {id} with {} values", ring.len())
    }
}

impl Serialize for Store {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.id, Fd::from(self.ring.as_fd())).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Store {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (id, ring) = <(u64, Fd<OwnedFd>)>::deserialize(deserializer)?;
        Ring::open(ring.into_inner())
            .and_then(|ring| Self::of(ring, id))
            .map_err(D::Error::custom)
    }
}

/// The sides of a handle, as a value: the store once, and a socket for each side.
#[derive(Serialize)]
pub(crate) struct Sent<'a> {
    store: &'a Store,
    sockets: Vec<&'a PacketSocket>,
}

#[derive(Deserialize)]
struct Received {
    store: Store,
    sockets: Vec<PacketSocket>,
}

impl<'a> Sent<'a> {
    pub(crate) fn of<const N: usize>(sides: [&'a Side; N]) -> Self {
        const { assert!(N > 0, "a handle has a side") };
        Self {
            store: sides[0].store(),
            sockets: sides.iter().map(|side| side.socket()).collect(),
        }
    }
}

/// So many sides.
pub(crate) fn received<'de, const N: usize, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<[Arc<Side>; N], D::Error> {
    let Received { store, sockets } = Received::deserialize(deserializer)?;
    let store = Arc::new(store);
    let sides: Vec<_> = sockets
        .into_iter()
        .map(|socket| Arc::new(Side::of(socket, &store)))
        .collect();
    sides
        .try_into()
        .map_err(|_| D::Error::custom("another kind of end of a queue"))
}

#[cfg(test)]
mod tests;
