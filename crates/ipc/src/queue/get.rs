//! Getting a value: the steps of a consumer.
//!
//! Invariant: a value is in the ring, or it was this call's. What a death at each step leaves is in `README.md` beside this file.
//! Bytes are decoded after the lock was left, and not here.

use std::io;
use std::os::fd::OwnedFd;
use std::panic::Location;

use core_process::WaitError;
use core_process::packet::PacketSocket;
use core_process::shm::{Bounds, Pool};
use sync::passage::Inside;

use super::buffer::Buffer;
use super::error::GetError;
use super::pause::is_here;
use super::ring::First;
use super::sleepers::{Sleeps, sleep, wake_one};
use super::store::{Side, Told, take_patiently};
use super::work::is_drained;
use crate::channel::Patience;
use crate::message::{Incoming, LONGEST, Refused};

/// Gets a value: its bytes in `bytes`, its descriptors at the end of `descriptors`.
#[inline]
pub(crate) fn get(
    side: &Side,
    bytes: &mut Buffer,
    descriptors: &mut Vec<OwnedFd>,
    patience: Patience<'_>,
    caller: &'static Location<'static>,
) -> Result<(), GetError> {
    get_by(side, patience, caller, || {
        try_get(side, bytes, descriptors, patience)
    })
}

#[inline]
pub(super) fn get_by<R>(
    side: &Side,
    patience: Patience<'_>,
    caller: &'static Location<'static>,
    mut attempt: impl FnMut() -> Result<Option<R>, GetError>,
) -> Result<R, GetError> {
    if let Some(got) = attempt()? {
        wake_one(side.store().ring().room());
        return Ok(got);
    }
    wait_and_get(side, patience, caller, &mut attempt)
}

#[cold]
fn wait_and_get<R>(
    side: &Side,
    patience: Patience<'_>,
    caller: &'static Location<'static>,
    attempt: &mut dyn FnMut() -> Result<Option<R>, GetError>,
) -> Result<R, GetError> {
    let ring = side.store().ring();
    let mut told = None;
    let mut sleeps = Sleeps::new();
    loop {
        // Before the look into the ring: what is closed gets no more, and who is gone has put all that it ever will. So one more look
        // is the last one.
        let is_closed = ring.is_closed();
        let has_come = !is_closed
            && matches!(patience, Patience::Until(_))
            && side.pause().look_for(ring.put_cpu(), || ring.waiting());
        // Asked only where it is likely, since it is a system call.
        let asks = match patience {
            Patience::None => true,
            Patience::Until(until) => side.may_be_alone() || sleeps.are_to_ask(until),
        };
        let is_alone = asks && !has_come && side.is_alone();
        if (has_come || is_closed || is_alone)
            && let Some(got) = attempt()?
        {
            wake_one(ring.room());
            return Ok(got);
        }
        if is_closed && is_drained(side)? {
            return Err(GetError::Closed);
        }
        if is_alone && is_drained(side)? {
            return Err(GetError::Disconnected);
        }
        let Patience::Until(until) = patience else {
            return Err(GetError::Empty);
        };
        let longest = sleeps.next(until)?;
        if told.is_none() {
            told = Told::begin("get", side.store().id(), until, caller);
        }
        let there =
            || ring.waiting() > 0 || ring.may_have_returns() || ring.is_closed() && !ring.has_leases();
        sleep(ring.items(), longest, there);
        if let Some(got) = attempt()? {
            wake_one(ring.room());
            return Ok(got);
        }
    }
}

/// What a value that is taken out needs: the lock.
#[inline]
pub(super) fn take_consumers<'a>(side: &'a Side, patience: Patience<'_>) -> Result<Inside<'a>, GetError> {
    take_patiently(side.store().consumers(), patience).map_err(|error| match (error, patience) {
        (WaitError::TimedOut, Patience::None) => GetError::Empty,
        (other, _) => other.into(),
    })
}

#[inline]
fn try_get(
    side: &Side,
    bytes: &mut Buffer,
    descriptors: &mut Vec<OwnedFd>,
    patience: Patience<'_>,
) -> Result<Option<()>, GetError> {
    let ring = side.store().ring();
    // A look without the lock, so that who finds nothing is in nobody's way.
    if ring.looks_empty() {
        return Ok(None);
    }
    let inside = take_consumers(side, patience)?;
    let Some(first) = ring.first()? else {
        return Ok(None);
    };
    is_here(ring.get_cpu(), inside.cpu());
    ring.copy(&first, bytes)?;
    match first.ticket() {
        None => ring.remove(&first),
        Some(ticket) => descriptors.extend(take_with_descriptors(side, &first, ticket)?),
    }
    Ok(Some(()))
}

/// Takes the first record away, and its descriptors. Under the consumers' lock.
#[cold]
fn take_with_descriptors(side: &Side, first: &First, ticket: u64) -> Result<Vec<OwnedFd>, GetError> {
    let claimed = claim(side.socket(), ticket)?;
    side.store().ring().remove(first);
    if claimed.is_ok() {
        // Nobody will ask for it again. Where it stays, the next one who claims throws it away.
        let _ = side.socket().skip();
    }
    claimed
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
        // A ticket is never lent.
        let none = Pool::new(Bounds::default());
        let message = Incoming::open(&buffer[..packet.len], packet.descriptors, 8, &none);
        let came = match &message {
            Ok(message) => message
                .bytes
                .private()
                .and_then(|bytes| bytes.try_into().ok())
                .map(u64::from_le_bytes),
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
