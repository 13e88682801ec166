//! Putting a value, encoded: the steps of a producer.
//!
//! Invariant: a value is in the ring when this says so, and nothing of it otherwise. What a death at each step leaves is in
//! `README.md` beside this file.

use std::io;
use std::os::fd::OwnedFd;
use std::panic::Location;

use core_process::{Until, WaitError};

use super::error::PutError;
use super::leases;
use super::pause::is_here;
use super::ring::NoRoom;
use super::sleepers::{Sleeps, sleep, wake_one};
use super::store::{Side, Told, take_patiently};
use crate::channel::Patience;
use crate::frame::Content;
use crate::message::Outgoing;

/// What a producer has to wait for.
enum Wanted {
    /// A record less.
    Records,
    /// A packet less: the descriptors of values that wait fill the socket.
    Packets,
}

/// Puts a value, encoded, without descriptors.
#[inline]
pub(crate) fn put_plain(
    side: &Side,
    bytes: &[u8],
    patience: Patience<'_>,
    caller: &'static Location<'static>,
) -> Result<(), PutError> {
    put_packed(side, bytes, None, patience, caller)
}

/// Puts a value, encoded, and its descriptors.
#[cold]
pub(crate) fn put(
    side: &Side,
    bytes: &[u8],
    descriptors: Vec<OwnedFd>,
    patience: Patience<'_>,
    caller: &'static Location<'static>,
) -> Result<(), PutError> {
    if side.store().ring().has_leases() {
        let why = "a value of a JoinableQueue may be given twice, and a descriptor inside it could not be";
        return Err(PutError::Os(io::Error::new(io::ErrorKind::Unsupported, why)));
    }
    // Its bytes are the ticket, as soon as there is one.
    let packet = Outgoing::new(Content::Bytes, &[0; 8], descriptors)?;
    put_packed(side, bytes, Some(&packet), patience, caller)
}

#[inline]
fn put_packed(
    side: &Side,
    bytes: &[u8],
    packet: Option<&Outgoing<'_>>,
    patience: Patience<'_>,
    caller: &'static Location<'static>,
) -> Result<(), PutError> {
    match try_put(side, bytes, packet, patience)? {
        None => {
            wake_one(side.store().ring().items());
            Ok(())
        }
        Some(wanted) => wait_and_put(side, bytes, packet, patience, caller, wanted),
    }
}

#[cold]
fn wait_and_put(
    side: &Side,
    bytes: &[u8],
    packet: Option<&Outgoing<'_>>,
    patience: Patience<'_>,
    caller: &'static Location<'static>,
    mut wanted: Wanted,
) -> Result<(), PutError> {
    let store = side.store();
    let ring = store.ring();
    let mut told = None;
    let mut sleeps = Sleeps::new();
    loop {
        let has_come = match (&wanted, patience) {
            (Wanted::Records, Patience::Until(_)) => side.pause().look_for(ring.get_cpu(), || ring.allowed()),
            _ => false,
        };
        if !has_come {
            let asks = match patience {
                Patience::None => true,
                Patience::Until(until) => side.may_be_alone() || sleeps.are_to_ask(until),
            };
            if asks && side.is_alone() {
                return Err(PutError::Disconnected);
            }
            let Patience::Until(until) = patience else {
                return Err(PutError::Full);
            };
            let longest = sleeps.next(until)?;
            if told.is_none() {
                told = Told::begin("put", store.id(), until, caller);
            }
            match wanted {
                Wanted::Records => sleep(ring.room(), longest, || !ring.is_full() || ring.is_closed()),
                Wanted::Packets => drop(side.socket().wait_to_send(&Until::from(longest))),
            }
        }
        match try_put(side, bytes, packet, patience)? {
            None => {
                wake_one(ring.items());
                return Ok(());
            }
            Some(other) => wanted = other,
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
    let store = side.store();
    let ring = store.ring();
    let state = ring.has_leases().then_some(leases::WAITING);
    let has_ticket = packet.is_some() || state.is_some();
    let inside = take_patiently(store.producers(), patience).map_err(full_at_once(patience))?;
    if ring.is_closed() {
        return Err(PutError::Closed);
    }
    let room = loop {
        match ring.find_room(bytes.len(), has_ticket) {
            Ok(room) => break room,
            Err(NoRoom::Bound) => return Ok(Some(Wanted::Records)),
            Err(NoRoom::Memory) => grow(side, bytes.len(), has_ticket, patience)?,
            Err(NoRoom::Os(error)) => return Err(error.into()),
        }
    };
    is_here(ring.put_cpu(), inside.cpu());
    let Some(packet) = packet else {
        ring.put(&room, state, bytes);
        return Ok(None);
    };
    let ticket = ring.next_ticket();
    let sent = packet.send_with(&ticket.to_le_bytes(), |parts, descriptors| {
        side.socket().try_send(parts, descriptors)
    });
    match sent.map_err(|error| (error.kind(), error)) {
        Ok(()) => {
            ring.put(&room, Some(ticket), bytes);
            Ok(None)
        }
        Err((io::ErrorKind::WouldBlock, _)) => Ok(Some(Wanted::Packets)),
        Err((io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset, _)) => Err(PutError::Disconnected),
        Err((_, error)) => Err(PutError::Os(error)),
    }
}

/// Makes room. Under the producers' lock.
#[cold]
fn grow(side: &Side, len: usize, has_ticket: bool, patience: Patience<'_>) -> Result<(), PutError> {
    if side.is_alone() {
        return Err(PutError::Disconnected);
    }
    let store = side.store();
    // In this order everywhere: the producers' lock, then the consumers'.
    let _both = take_patiently(store.consumers(), patience).map_err(full_at_once(patience))?;
    Ok(store.ring().grow(len, has_ticket)?)
}

/// A lock that is not to be had in a moment is a queue that is full, for a call that does not wait.
fn full_at_once(patience: Patience<'_>) -> impl Fn(WaitError) -> PutError {
    let is_patient = matches!(patience, Patience::Until(_));
    move |error| match error {
        WaitError::TimedOut if !is_patient => PutError::Full,
        other => other.into(),
    }
}
