//! Getting a value: the steps of a consumer.
//!
//! Invariant: a value is in the ring, or it was this call's. What a death at each step leaves is in `README.md` beside this file.
//! Bytes are decoded after the lock was left, and not here.

use std::cell::Cell;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::Location;

use core_process::WaitError;
use core_process::packet::PacketSocket;
use sync::Guard;

use super::error::GetError;
use super::ring::{First, Ring};
use super::sleepers::{next_sleep, sleep, wake_one};
use super::store::{Side, Told, take_patiently};
use super::work::is_drained;
use crate::channel::Patience;
use crate::message::{Incoming, LONGEST, Refused};

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
    get_by(side, patience, caller, || try_get(side, bytes, patience))
}

pub(super) fn get_by<R>(
    side: &Side,
    patience: Patience<'_>,
    caller: &'static Location<'static>,
    mut attempt: impl FnMut() -> Result<Option<R>, GetError>,
) -> Result<R, GetError> {
    let ring = side.store().ring();
    let mut told = None;
    loop {
        // Before the look into the ring: what is closed gets no more.
        let is_closed = ring.is_closed();
        if let Some(got) = attempt()? {
            wake_one(ring.room());
            return Ok(got);
        }
        if is_closed && is_drained(side)? {
            return Err(GetError::Closed);
        }
        // Asked only where there is nothing, since it is a system call. Who is gone has put all that it ever will, so one more
        // look is the last one.
        if side.is_alone() {
            if let Some(got) = attempt()? {
                wake_one(ring.room());
                return Ok(got);
            }
            if is_drained(side)? {
                return Err(GetError::Disconnected);
            }
        }
        let Patience::Until(until) = patience else {
            return Err(GetError::Empty);
        };
        let longest = next_sleep(until)?;
        if told.is_none() {
            told = Told::begin("get", side.store().id(), until, caller);
        }
        let there =
            || ring.waiting() > 0 || ring.may_have_returns() || ring.is_closed() && !ring.has_leases();
        sleep(ring.items(), longest, there);
    }
}

/// What a value that is taken out needs: the lock.
pub(super) fn take_consumers<'a>(side: &'a Side, patience: Patience<'_>) -> Result<Guard<'a>, GetError> {
    take_patiently(side.store().consumers(), patience).map_err(|error| match (error, patience) {
        (WaitError::TimedOut, Patience::None) => GetError::Empty,
        (other, _) => other.into(),
    })
}

pub(super) fn copy(ring: &Ring, record: &First, bytes: &mut Vec<u8>) -> Result<(), GetError> {
    bytes.clear();
    bytes
        .try_reserve(record.len)
        .map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
    bytes.resize(record.len, 0);
    Ok(ring.copy(record, bytes)?)
}

fn try_get(
    side: &Side,
    bytes: &mut Vec<u8>,
    patience: Patience<'_>,
) -> Result<Option<Vec<OwnedFd>>, GetError> {
    let ring = side.store().ring();
    // A look without the lock, so that who finds nothing is in nobody's way.
    if ring.len() == 0 {
        return Ok(None);
    }
    let _guard = take_consumers(side, patience)?;
    let Some(first) = ring.first()? else {
        return Ok(None);
    };
    copy(ring, &first, bytes)?;
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
pub(super) fn claim(socket: &PacketSocket, ticket: u64) -> Result<Result<Vec<OwnedFd>, GetError>, GetError> {
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
