//! An end over a stream of bytes, which has no packets and carries no descriptors: what `TcpConnection` is made of.
//!
//! A message is a head (`frame.rs`) and its bytes, one after the other.
//! Invariant: between two messages both sides agree where the next one begins, or the stream is over. So a message is received
//! by as many calls as it takes, each of which may end at its deadline and loses nothing; and one of which a part was sent
//! and the rest was not in time ends the stream, where the peer finds no half of a value but the end.
//! A length is compared with the longest that is allowed before anything is done for it, and memory is taken as bytes come.
//! This file does not know what the bytes mean, nor who has connected.

pub(crate) mod connection;
mod reader;

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::Location;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use core_process::{Until, WaitError, wait_any, wait_to_write};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{SendAncillaryBuffer, SendFlags, Shutdown, sendmsg, shutdown};

use crate::channel::Patience;
use crate::error::{RecvError, SendError};
use crate::frame::{Carriage, Content, Head, Place};
use crate::message::{Body, Incoming};
use crate::stream::reader::{Ended, Reader, Took};

/// How many bytes a message may have where nothing else is said.
pub(crate) const LONGEST_MESSAGE: usize = 1 << 30;

/// Whoever waits for another sender's message to be through looks at his stop token so often.
const LOOK: Duration = Duration::from_millis(50);

pub(crate) struct Stream {
    socket: OwnedFd,
    longest: usize,
    reader: Mutex<Reader>,
    sending: Mutex<Sending>,
    sent: Condvar,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sending {
    Idle,
    /// Somebody is sending a message.
    Busy,
    /// A part of a message has gone and its rest never will.
    Broken,
}

impl Stream {
    pub(crate) fn new(socket: OwnedFd, longest: usize) -> Self {
        Self {
            socket,
            longest,
            reader: Mutex::new(Reader::default()),
            sending: Mutex::new(Sending::Idle),
            sent: Condvar::new(),
        }
    }

    pub(crate) fn send(
        &self,
        content: Content,
        bytes: &[u8],
        descriptors: Vec<OwnedFd>,
        patience: Patience<'_>,
        _: &'static Location<'static>,
    ) -> Result<(), SendError> {
        if !descriptors.is_empty() {
            return Err(SendError::Descriptors(descriptors.len()));
        }
        if bytes.len() > self.longest {
            return Err(SendError::TooLong {
                len: bytes.len() as u64,
                most: self.longest,
            });
        }
        let head = Head {
            content,
            place: Place::Inline,
            carriage: Carriage::Direct,
            len: bytes.len() as u64,
            descriptors: 0,
        };
        let mut turn = self.turn(patience)?;
        let outcome = self.write([&head.to_bytes(), bytes], patience, &mut turn);
        drop(turn);
        outcome
    }

    /// Waits until no other message is being sent.
    fn turn(&self, patience: Patience<'_>) -> Result<Turn<'_>, SendError> {
        let mut sending = self.sending();
        loop {
            match *sending {
                Sending::Broken => return Err(SendError::Disconnected),
                Sending::Idle => {
                    *sending = Sending::Busy;
                    return Ok(Turn {
                        stream: self,
                        after: Sending::Idle,
                    });
                }
                Sending::Busy => {}
            }
            let Patience::Until(until) = patience else {
                return Err(SendError::WouldBlock);
            };
            let left = until.remaining().unwrap_or(LOOK);
            if until.token().is_some_and(|token| token.is_stopped()) {
                return Err(SendError::Stopped);
            }
            if left.is_zero() {
                return Err(SendError::TimedOut);
            }
            let waited = self.sent.wait_timeout(sending, left.min(LOOK));
            sending = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn write(&self, parts: [&[u8]; 2], patience: Patience<'_>, turn: &mut Turn<'_>) -> Result<(), SendError> {
        let total: usize = parts.iter().map(|part| part.len()).sum();
        let mut done = 0;
        while done < total {
            let mut skip = done;
            let rest = parts.map(|part| {
                let (_, rest) = part.split_at(skip.min(part.len()));
                skip = skip.saturating_sub(part.len());
                IoSlice::new(rest)
            });
            let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
            let mut none: [MaybeUninit<u8>; 0] = [];
            let mut control = SendAncillaryBuffer::new(&mut none);
            let error = match retry_on_intr(|| sendmsg(&self.socket, &rest, &mut control, flags)) {
                Ok(count) => {
                    done += count;
                    continue;
                }
                Err(Errno::AGAIN) => match patience {
                    Patience::None => SendError::WouldBlock,
                    Patience::Until(until) => match wait_to_write(&self.socket, until) {
                        Ok(()) => continue,
                        Err(error) => error.into(),
                    },
                },
                Err(Errno::PIPE | Errno::CONNRESET | Errno::TIMEDOUT) => SendError::Disconnected,
                Err(error) => SendError::Os(error.into()),
            };
            if done > 0 {
                turn.after = Sending::Broken;
                let _ = shutdown(&self.socket, Shutdown::Write);
            }
            return Err(error);
        }
        Ok(())
    }

    fn sending(&self) -> MutexGuard<'_, Sending> {
        self.sending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one message of at most `most` bytes and gives it to `read`.
    pub(crate) fn recv<R>(
        &self,
        most: usize,
        patience: Patience<'_>,
        _: &'static Location<'static>,
        read: impl FnOnce(Incoming<'_>) -> Result<R, RecvError>,
    ) -> Result<R, RecvError> {
        let (content, bytes) = loop {
            let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
            match reader.take(&self.socket, most, self.longest) {
                Ok(Took::Message(content, bytes)) => break (content, bytes),
                Ok(Took::TooLong(len)) => return Err(RecvError::TooLong { len, most }),
                Ok(Took::Part) => {}
                Err(Ended::Properly) => return Err(RecvError::Disconnected),
                Err(Ended::Malformed(why)) => {
                    let _ = shutdown(&self.socket, Shutdown::Both);
                    return Err(RecvError::Malformed(why));
                }
                Err(Ended::Longer(len)) => {
                    let _ = shutdown(&self.socket, Shutdown::Both);
                    let most = self.longest;
                    return Err(RecvError::TooLong { len, most });
                }
                Err(Ended::Os(error)) => return Err(RecvError::Os(error)),
            }
            drop(reader);
            let Patience::Until(until) = patience else {
                return Err(RecvError::WouldBlock);
            };
            // A peer that sends byte by byte does not prolong the wait.
            if until.token().is_some_and(|token| token.is_stopped()) {
                return Err(RecvError::Stopped);
            }
            if until.remaining().is_some_and(|left| left.is_zero()) {
                return Err(RecvError::TimedOut);
            }
            self.wait_to_recv(until)?;
        };
        read(Incoming {
            content,
            bytes: Body::Private(bytes.into()),
            descriptors: Vec::new(),
        })
    }

    /// Waits until something has come, or nothing ever will.
    pub(crate) fn wait_to_recv(&self, until: &Until) -> Result<(), WaitError> {
        wait_any(&[&self.socket], until.clone()).map(drop)
    }
}

/// The turn to send.
struct Turn<'a> {
    stream: &'a Stream,
    after: Sending,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.stream.sending() = self.after;
        self.stream.sent.notify_all();
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
