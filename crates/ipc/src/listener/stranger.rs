//! A stranger: somebody who has connected and has not yet shown that he may.
//!
//! Invariant: a step never waits, reads no more than the one message that is expected, and sends no more than one. Descriptors that
//! are sent along are closed by the kernel.

use std::os::fd::OwnedFd;
use std::time::Instant;

use rustix::io::{Errno, retry_on_intr};
use rustix::net::{RecvFlags, SendFlags, recv, send};

use crate::auth::Key;
use crate::auth::handshake::{Failure, LONGEST, Listening};

pub(crate) struct Stranger<P> {
    pub(crate) socket: OwnedFd,
    pub(crate) peer: P,
    /// When he is sent away.
    pub(crate) deadline: Instant,
    /// Tells him from others that had the same number.
    pub(crate) generation: u32,
    handshake: Listening,
    message: Partial,
}

/// What came of a step.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The rest of the message has not come yet.
    Waits,
    /// He has the key.
    Welcome,
    /// He has not, or has gone.
    Away,
}

impl<P> Stranger<P> {
    /// Greets somebody. `None`: he has gone already.
    pub(crate) fn greet(
        socket: OwnedFd,
        peer: P,
        deadline: Instant,
        generation: u32,
        handshake: Listening,
    ) -> Option<Self> {
        let greeted = say(&socket, handshake.challenge());
        greeted.then(|| Self {
            socket,
            peer,
            deadline,
            generation,
            handshake,
            message: Partial::default(),
        })
    }

    /// Takes what has come.
    pub(crate) fn step(&mut self, key: &Key, in_packets: bool) -> Step {
        match self.message.fill(&self.socket, Listening::EXPECTS, in_packets) {
            Ok(true) => {}
            Ok(false) => return Step::Waits,
            Err(_) => return Step::Away,
        }
        let proof = self.message.take(Listening::EXPECTS);
        match self.handshake.welcome(key.bytes(), proof) {
            Ok(welcome) if say(&self.socket, &welcome) => Step::Welcome,
            Err(Failure::WrongKey) => {
                say(&self.socket, &Listening::refusal());
                Step::Away
            }
            _ => Step::Away,
        }
    }
}

/// Sends a message of the handshake: there is room for it in any socket, unless the peer wants none.
pub(crate) fn say(socket: &OwnedFd, message: &[u8]) -> bool {
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    retry_on_intr(|| send(socket, message, flags)) == Ok(message.len())
}

/// A message of the handshake, as far as it has come.
pub(crate) struct Partial {
    bytes: [u8; LONGEST],
    filled: usize,
}

impl Default for Partial {
    fn default() -> Self {
        Self {
            bytes: [0; LONGEST],
            filled: 0,
        }
    }
}

impl Partial {
    /// Reads what has come of a message of `expected` bytes; whether that was all of it.
    ///
    /// # Errors
    /// The peer has gone (`CONNRESET`), or has sent a packet of another length (`PROTO`).
    pub(crate) fn fill(
        &mut self,
        socket: &OwnedFd,
        expected: usize,
        in_packets: bool,
    ) -> Result<bool, Errno> {
        // A stream gives what follows to whoever reads next; a packet gives its length and is gone.
        let flags = if in_packets {
            RecvFlags::DONTWAIT | RecvFlags::TRUNC
        } else {
            RecvFlags::DONTWAIT
        };
        while self.filled < expected {
            let room = &mut self.bytes[self.filled..expected];
            match retry_on_intr(|| recv(socket, &mut *room, flags)) {
                Ok((_, 0)) => return Err(Errno::CONNRESET),
                Ok((_, len)) if in_packets && len != expected => return Err(Errno::PROTO),
                Ok((_, len)) => self.filled += len,
                Err(Errno::AGAIN) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// The message that was filled; the next one can be.
    pub(crate) fn take(&mut self, expected: usize) -> &[u8] {
        self.filled = 0;
        &self.bytes[..expected]
    }
}
