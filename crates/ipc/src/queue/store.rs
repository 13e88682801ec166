//! What all handles of a queue share: the ring, its two locks, and the socket pair through which descriptors travel and by which
//! each side knows whether there is anybody on the other one.
//!
//! Invariant: a side is gone when the kernel says so: every copy of its end of the pair is closed, in every process and in every
//! message on its way. A record's descriptors are in the pair before the record is in the ring, under the ticket that the record
//! has; a packet whose ticket no record has was left by somebody who died, and is thrown away by the next consumer who meets it.
//! This file does not know what the bytes mean.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use core_process::packet::PacketSocket;
use core_process::probe::{self, Phase};
use core_process::{Fd, Until, WaitError};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sync::{Guard, Lock, LockError, OwnerDied, TryLockError};

use super::error::{GetError, PutError};
use super::ring::{NoRoom, Ring};
use super::sleepers::{next_sleep, sleep, wake_all, wake_one};
use crate::channel::Patience;
use crate::frame::Content;
use crate::message::{Incoming, LONGEST, Outgoing, Refused};

/// How long a call that does not wait waits for a lock, which others have for no longer than it takes to copy a value.
const MOMENT: Duration = Duration::from_millis(50);

/// The part that both sides have.
pub(crate) struct Store {
    ring: Ring,
    producers: Lock,
    consumers: Lock,
    /// For an observer. The same in every process.
    id: u64,
}

/// One side's end of the socket pair, and the queue. When the last copy is closed, the other side is woken to see it.
pub(crate) struct Side {
    /// There until it is dropped.
    socket: Option<PacketSocket>,
    store: Arc<Store>,
}

/// A new queue: its store, and the ends of its producers and its consumers.
pub(crate) fn create(bound: Option<u64>) -> io::Result<(Arc<Side>, Arc<Side>)> {
    let ring = Ring::create(bound)?;
    let id = rustix::fs::fstat(&ring)?.st_ino;
    let store = Arc::new(Store {
        ring,
        producers: Lock::new()?,
        consumers: Lock::new()?,
        id,
    });
    let (to, from) = PacketSocket::pair()?;
    let [to, from] = [to, from].map(|socket| {
        Arc::new(Side {
            socket: Some(socket),
            store: Arc::clone(&store),
        })
    });
    Ok((to, from))
}

impl Side {
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    fn socket(&self) -> &PacketSocket {
        match &self.socket {
            Some(socket) => socket,
            None => unreachable!("it is closed by the drop alone"),
        }
    }

    /// Whether nobody is left on the other side.
    fn is_alone(&self) -> bool {
        self.socket().is_abandoned()
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        self.socket = None;
        wake_all(self.store.ring.items());
        wake_all(self.store.ring.room());
    }
}

/// Takes a lock, and forgets that an owner died: the ring is whole at any instruction.
fn take<'a>(lock: &'a Lock, until: &Until) -> Result<Guard<'a>, WaitError> {
    match lock.try_lock() {
        Ok(guard) => return Ok(guard),
        Err(TryLockError::OwnerDied(died)) => return Ok(died.repaired()),
        Err(TryLockError::WouldBlock) => {}
    }
    match lock.lock_until(until) {
        Ok(guard) => Ok(guard),
        Err(LockError::OwnerDied(died)) => Ok(OwnerDied::repaired(died)),
        Err(LockError::TimedOut) => Err(WaitError::TimedOut),
        Err(LockError::Stopped) => Err(WaitError::Stopped),
    }
}

fn take_patiently<'a>(lock: &'a Lock, patience: Patience<'_>) -> Result<Guard<'a>, WaitError> {
    match patience {
        Patience::None => take(lock, &Until::from(MOMENT)),
        Patience::Until(until) => take(lock, until),
    }
}

impl Store {
    pub(crate) fn ring(&self) -> &Ring {
        &self.ring
    }

    /// Lets nothing in any more, and wakes all who wait.
    pub(crate) fn close(&self) {
        if let Ok(_guard) = take(&self.producers, &Until::forever()) {
            self.ring.close();
        }
        wake_all(self.ring.items());
        wake_all(self.ring.room());
    }
}

/// Tells an observer of a wait without a deadline, which may last for ever; its drop tells the end.
struct Told {
    name: &'static str,
    id: u64,
    caller: &'static Location<'static>,
}

impl Told {
    fn begin(name: &'static str, id: u64, until: &Until, caller: &'static Location<'static>) -> Option<Self> {
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

/// What a producer has to wait for.
enum Wanted {
    /// A record less.
    Records,
    /// A packet less: the descriptors of values that wait fill the socket.
    Packets,
}

/// Puts a value, encoded.
pub(crate) fn put(
    side: &Side,
    bytes: &[u8],
    descriptors: Vec<OwnedFd>,
    patience: Patience<'_>,
    caller: &'static Location<'static>,
) -> Result<(), PutError> {
    let store = side.store();
    // Its bytes are the ticket, as soon as there is one.
    let packet = (!descriptors.is_empty())
        .then(|| Outgoing::new(Content::Bytes, &[0; 8], descriptors))
        .transpose()?;
    let mut told = None;
    loop {
        let wanted = match try_put(side, bytes, packet.as_ref(), patience)? {
            None => {
                wake_one(store.ring.items());
                return Ok(());
            }
            Some(wanted) => wanted,
        };
        if side.is_alone() {
            return Err(PutError::Disconnected);
        }
        let Patience::Until(until) = patience else {
            return Err(PutError::Full);
        };
        let longest = next_sleep(until)?;
        if told.is_none() {
            told = Told::begin("put", store.id, until, caller);
        }
        match wanted {
            Wanted::Records => {
                let there = || !store.ring.is_full() || store.ring.is_closed();
                sleep(store.ring.room(), longest, there);
            }
            Wanted::Packets => drop(side.socket().wait_to_send(&Until::from(longest))),
        }
    }
}

/// `None`: it is put.
#[inline]
fn try_put(
    side: &Side,
    bytes: &[u8],
    packet: Option<&Outgoing<'_>>,
    patience: Patience<'_>,
) -> Result<Option<Wanted>, PutError> {
    let Store {
        ring,
        producers,
        consumers,
        ..
    } = side.store();
    let _guard = take_patiently(producers, patience).map_err(full_at_once(patience))?;
    if ring.is_closed() {
        return Err(PutError::Closed);
    }
    match ring.fits(bytes.len(), packet.is_some())? {
        Ok(()) => {}
        Err(NoRoom::Bound) => return Ok(Some(Wanted::Records)),
        Err(NoRoom::Memory) => {
            if side.is_alone() {
                return Err(PutError::Disconnected);
            }
            // In this order everywhere: the producers' lock, then the consumers'.
            let _both = take_patiently(consumers, patience).map_err(full_at_once(patience))?;
            ring.grow(bytes.len(), packet.is_some())?;
        }
    }
    let Some(packet) = packet else {
        ring.put(None, bytes)?;
        return Ok(None);
    };
    let ticket = ring.next_ticket();
    let sent = packet.send_with(&ticket.to_le_bytes(), |parts, descriptors| {
        side.socket().try_send(parts, descriptors)
    });
    match sent.map_err(|error| (error.kind(), error)) {
        Ok(()) => {
            ring.put(Some(ticket), bytes)?;
            Ok(None)
        }
        Err((io::ErrorKind::WouldBlock, _)) => Ok(Some(Wanted::Packets)),
        Err((io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset, _)) => Err(PutError::Disconnected),
        Err((_, error)) => Err(PutError::Os(error)),
    }
}

/// A lock that is not to be had in a moment is a queue that is full, for a call that does not wait.
fn full_at_once(patience: Patience<'_>) -> impl Fn(WaitError) -> PutError {
    let is_patient = matches!(patience, Patience::Until(_));
    move |error| match error {
        WaitError::TimedOut if !is_patient => PutError::Full,
        other => other.into(),
    }
}

thread_local! {
    /// Room for the bytes of a value that is decoded where it lies. A value whose decoding gets another one finds it taken.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// More is not kept for the next value.
const KEPT: usize = 1 << 20;

/// Lends room for the bytes of a value.
pub(crate) fn with_buffer<R>(use_it: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    let mut buffer = BUFFER.take();
    let outcome = use_it(&mut buffer);
    if buffer.capacity() <= KEPT {
        BUFFER.set(buffer);
    }
    outcome
}

/// Gets a value: its bytes in `bytes`, and its descriptors.
pub(crate) fn get(
    side: &Side,
    bytes: &mut Vec<u8>,
    patience: Patience<'_>,
    caller: &'static Location<'static>,
) -> Result<Vec<OwnedFd>, GetError> {
    let ring = &side.store().ring;
    let mut told = None;
    loop {
        // Before the look into the ring: what is closed gets no more.
        let is_closed = ring.is_closed();
        if let Some(descriptors) = try_get(side, bytes, patience)? {
            wake_one(ring.room());
            return Ok(descriptors);
        }
        if is_closed {
            return Err(GetError::Closed);
        }
        // Asked only where there is nothing, since it is a system call. Who is gone has put all that it ever will, so one more
        // look is the last one.
        if side.is_alone() {
            let last = try_get(side, bytes, patience)?;
            wake_one(ring.room());
            return last.ok_or(GetError::Disconnected);
        }
        let Patience::Until(until) = patience else {
            return Err(GetError::Empty);
        };
        let longest = next_sleep(until)?;
        if told.is_none() {
            told = Told::begin("get", side.store().id, until, caller);
        }
        let there = || ring.len() > 0 || ring.is_closed();
        sleep(ring.items(), longest, there);
    }
}

fn try_get(
    side: &Side,
    bytes: &mut Vec<u8>,
    patience: Patience<'_>,
) -> Result<Option<Vec<OwnedFd>>, GetError> {
    let Store { ring, consumers, .. } = side.store();
    // A look without the lock, so that who finds nothing is in nobody's way.
    if ring.len() == 0 {
        return Ok(None);
    }
    let _guard = take_patiently(consumers, patience).map_err(|error| match (error, patience) {
        (WaitError::TimedOut, Patience::None) => GetError::Empty,
        (other, _) => other.into(),
    })?;
    let Some(first) = ring.first()? else {
        return Ok(None);
    };
    bytes.clear();
    bytes
        .try_reserve(first.len)
        .map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
    bytes.resize(first.len, 0);
    ring.copy(&first, bytes)?;
    let Some(ticket) = first.ticket else {
        ring.remove(&first);
        return Ok(Some(Vec::new()));
    };
    let claimed = claim(side.socket(), ticket)?;
    ring.remove(&first);
    if claimed.is_ok() {
        // Nobody will ask for it again. Where it stays, the next one who claims throws it away.
        let _ = side.socket().skip();
    }
    claimed.map(Some)
}

/// A copy of the descriptors under a ticket; the packet stays where it is until its record has been taken away. The inner error:
/// they are not there.
fn claim(socket: &PacketSocket, ticket: u64) -> Result<Result<Vec<OwnedFd>, GetError>, GetError> {
    let mut buffer = vec![0; LONGEST];
    loop {
        let packet = match socket.peek(&mut buffer) {
            Ok(Some(packet)) => packet,
            Ok(None) => return Ok(Err(GetError::DescriptorsLost)),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock => return Ok(Err(GetError::DescriptorsLost)),
                _ => return Err(GetError::Os(error)),
            },
        };
        let message = Incoming::open(&buffer[..packet.len], packet.descriptors, 8);
        let came = match &message {
            Ok(message) => message.bytes.as_ref().try_into().map(u64::from_le_bytes).ok(),
            Err(Refused::Os(_)) => Some(ticket),
            Err(_) => None,
        };
        match (came, message) {
            (Some(came), Ok(message)) if came == ticket => return Ok(Ok(message.descriptors)),
            (Some(_), Err(Refused::Os(error))) => return Err(GetError::Os(error)),
            // A later record's: this one's never came.
            (Some(came), _) if came.wrapping_sub(ticket) < u64::MAX / 2 => {
                return Ok(Err(GetError::DescriptorsLost));
            }
            // Left by somebody who died, or no packet of ours.
            _ => socket.skip()?,
        }
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
        (
            self.id,
            Fd::from(self.ring.as_fd()),
            &self.producers,
            &self.consumers,
        )
            .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Store {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (id, ring, producers, consumers) = <(u64, Fd<OwnedFd>, Lock, Lock)>::deserialize(deserializer)?;
        Ok(Self {
            ring: Ring::open(ring.into_inner()).map_err(D::Error::custom)?,
            producers,
            consumers,
            id,
        })
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
        .map(|socket| {
            Arc::new(Side {
                socket: Some(socket),
                store: Arc::clone(&store),
            })
        })
        .collect();
    sides
        .try_into()
        .map_err(|_| D::Error::custom("another kind of end of a queue"))
}

#[cfg(test)]
mod tests;
