//! An end that messages go into or come out of: what `Sender`, `Receiver` and `Connection` are made of.
//!
//! Invariant: a message is sent or taken by one system call, so no lock is needed: any number of threads and processes may use
//! copies of an end at a time, and none that dies leaves half a message. If it dies
//!
//! - while it prepares a message: what was prepared goes with its descriptors, and nothing was sent; a segment of its pool goes with it;
//! - in the system call: the message is in the receiver's queue, whole, or is not;
//! - after it has taken a message: the message is gone with it, and the next one goes to whoever takes it. A segment that it has borrowed
//!   is not used again: its sender's pool drops it, at the latest when it keeps as many as it may.
//!
//! This file does not know what the bytes mean.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use core_process::packet::PacketSocket;
use core_process::probe::{self, Phase};
use core_process::shm::{Bounds, Loan, Pool};
use core_process::{Until, WaitError};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{RecvError, SendError, Unsent};
use crate::frame::Content;
use crate::message::{Incoming, LONGEST, Outgoing, Refused};

/// How long a call waits.
#[derive(Clone, Copy)]
pub(crate) enum Patience<'a> {
    /// Not at all.
    None,
    Until(&'a Until),
}

/// An end. A clone is the same one.
#[derive(Clone)]
pub(crate) struct Channel {
    end: Arc<End>,
}

struct End {
    socket: PacketSocket,
    /// Of large messages: those that this process sends by it, and those that it receives.
    pool: Pool,
    /// The pair's number, for an observer. A peer may claim any.
    id: u64,
}

/// Of each end, in each process: three segments for 64 MB, or eight of up to 32.
const BOUNDS: Bounds = Bounds {
    segments: 8,
    bytes: 256 << 20,
};

impl End {
    fn new(socket: PacketSocket, id: u64) -> Arc<Self> {
        let pool = Pool::new(BOUNDS);
        Arc::new(Self { socket, pool, id })
    }
}

thread_local! {
    /// Room for one packet. A value whose decoding receives another one finds it taken, and makes its own.
    static BUFFER: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

impl Channel {
    pub(crate) fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = PacketSocket::pair()?;
        let id = rustix::fs::fstat(&one)?.st_ino;
        let [one, other] = [one, other].map(|socket| Self {
            end: End::new(socket, id),
        });
        Ok((one, other))
    }

    /// An end that came from elsewhere.
    pub(crate) fn over(socket: PacketSocket) -> io::Result<Self> {
        let id = rustix::fs::fstat(&socket)?.st_ino;
        Ok(Self {
            end: End::new(socket, id),
        })
    }

    pub(crate) fn send(
        &self,
        content: Content,
        bytes: &[u8],
        descriptors: Vec<OwnedFd>,
        patience: Patience<'_>,
        caller: &'static Location<'static>,
    ) -> Result<(), SendError> {
        let mut message = Outgoing::new(content, bytes, descriptors).map_err(SendError::Os)?;
        if message.is_too_long() {
            self.move_out(&mut message, patience)?;
        } else {
            self.end.pool.trim();
        }
        self.send_message(&mut message, patience, caller)
    }

    fn move_out(&self, message: &mut Outgoing<'_>, patience: Patience<'_>) -> Result<(), SendError> {
        let longest = longest_wait(patience);
        message.move_out(&self.end.pool, longest).map_err(SendError::Os)
    }

    /// A segment to be filled in place.
    pub(crate) fn loan(&self, len: usize) -> Result<Loan, SendError> {
        self.end
            .pool
            .take_within(len, Duration::MAX)
            .map_err(SendError::Os)
    }

    /// Sends what was filled in place.
    pub(crate) fn send_loan(
        &self,
        loan: Loan,
        patience: Patience<'_>,
        caller: &'static Location<'static>,
    ) -> Result<(), Unsent> {
        if !self.end.pool.owns(&loan) {
            let why = "the loan is one of another end, whose receivers keep its memory";
            let error = SendError::Os(io::Error::new(io::ErrorKind::InvalidInput, why));
            return Err(Unsent { error, loan });
        }
        let mut message = Outgoing::of_loan(loan);
        self.send_message(&mut message, patience, caller)
            .map_err(|error| match message.into_loan() {
                Some(loan) => Unsent { error, loan },
                None => unreachable!("a message that was not sent has its loan"),
            })
    }

    fn send_message(
        &self,
        message: &mut Outgoing<'_>,
        patience: Patience<'_>,
        caller: &'static Location<'static>,
    ) -> Result<(), SendError> {
        let socket = &self.end.socket;
        loop {
            let sent = message.send_by(|parts, descriptors| socket.try_send(parts, descriptors));
            let Err(error) = sent else { return Ok(()) };
            match error.raw_os_error() {
                Some(code) if code == rustix::io::Errno::MSGSIZE.raw_os_error() && message.is_inline() => {
                    self.move_out(message, patience)?;
                }
                Some(code) if code == rustix::io::Errno::TOOMANYREFS.raw_os_error() => {
                    return Err(SendError::Os(too_many_on_their_way()));
                }
                _ if error.kind() == io::ErrorKind::WouldBlock => match patience {
                    Patience::None => return Err(SendError::WouldBlock),
                    Patience::Until(until) => {
                        self.told("send", until, caller, || socket.wait_to_send(until))?;
                    }
                },
                _ => {
                    return Err(match error.kind() {
                        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => SendError::Disconnected,
                        _ => SendError::Os(error),
                    });
                }
            }
        }
    }

    /// Takes one message of at most `most` bytes and gives it to `read`.
    pub(crate) fn recv<R>(
        &self,
        most: usize,
        patience: Patience<'_>,
        caller: &'static Location<'static>,
        read: impl FnOnce(Incoming<'_>) -> Result<R, RecvError>,
    ) -> Result<R, RecvError> {
        let mut buffer = BUFFER
            .take()
            .unwrap_or_else(|| vec![0; LONGEST].into_boxed_slice());
        let outcome = self.recv_into(&mut buffer, most, patience, caller, read);
        BUFFER.set(Some(buffer));
        outcome
    }

    fn recv_into<R>(
        &self,
        buffer: &mut [u8],
        most: usize,
        patience: Patience<'_>,
        caller: &'static Location<'static>,
        read: impl FnOnce(Incoming<'_>) -> Result<R, RecvError>,
    ) -> Result<R, RecvError> {
        let socket = &self.end.socket;
        let packet = loop {
            match socket.try_recv(buffer) {
                Ok(Some(packet)) => break packet,
                Ok(None) => return Err(RecvError::Disconnected),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => match patience {
                    Patience::None => return Err(RecvError::WouldBlock),
                    Patience::Until(until) => {
                        self.told("recv", until, caller, || socket.wait_to_recv(until))?;
                    }
                },
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    return Err(RecvError::Malformed(error.to_string()));
                }
                Err(error) => return Err(RecvError::Os(error)),
            }
        };
        let message = Incoming::open(&buffer[..packet.len], packet.descriptors, most, &self.end.pool);
        read(message.map_err(|refused| match refused {
            Refused::Malformed(why) => RecvError::Malformed(why),
            Refused::TooLong(len) => RecvError::TooLong { len, most },
            Refused::Os(error) => RecvError::Os(error),
        })?)
    }

    /// Waits until a message can be taken, or none will ever come.
    pub(crate) fn wait_to_recv(&self, until: &Until) -> Result<(), WaitError> {
        self.end.socket.wait_to_recv(until)
    }

    /// Tells an observer of a wait without a deadline, which may last for ever.
    fn told<R>(
        &self,
        name: &'static str,
        until: &Until,
        caller: &'static Location<'static>,
        wait: impl FnOnce() -> R,
    ) -> R {
        if until.deadline().is_some() {
            return wait();
        }
        probe::emit(name, Phase::Begin, self.end.id, 0, Some(caller));
        let outcome = wait();
        probe::emit(name, Phase::End, self.end.id, 0, Some(caller));
        outcome
    }
}

/// How long a message may wait for memory that comes back.
fn longest_wait(patience: Patience<'_>) -> Duration {
    match patience {
        Patience::None => Duration::ZERO,
        Patience::Until(until) => until.deadline().map_or(Duration::MAX, |deadline| {
            deadline.saturating_duration_since(std::time::Instant::now())
        }),
    }
}

#[cold]
fn too_many_on_their_way() -> io::Error {
    io::Error::other(
        "more descriptors are on their way in sockets than this user may have open (RLIMIT_NOFILE); they count until they are \
         received",
    )
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.end.socket.as_fd()
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pipe {}", self.end.id)
    }
}

impl Serialize for Channel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.end.id, &self.end.socket).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Channel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (id, socket) = <(u64, PacketSocket)>::deserialize(deserializer)?;
        Ok(Self {
            end: End::new(socket, id),
        })
    }
}
