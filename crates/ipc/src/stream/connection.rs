//! `TcpConnection`: what a connection over TCP can do.
//!
//! Invariant: it has the operations of [`Connection`](crate::Connection), and none of what a stream cannot keep: it is no value, and
//! has no copies.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::net::getpeername;

use crate::channel::Patience;
use crate::error::{RecvError, SendError};
use crate::forms::{receiving, sending};
use crate::frame::Content;
use crate::message::only_bytes;
use crate::stream::Stream;

/// A connection over TCP, which sends values of type `S` and receives values of type `R`.
///
/// It sends and receives as a [`Connection`](crate::Connection) does, from any number of threads. What is different:
///
/// - A value with a descriptor in it (a file, a lock, an end of a pipe, a queue) cannot be sent: [`SendError::Descriptors`].
/// - It belongs to this process: it is no argument and no part of a message.
/// - A message may be longer than the connection allows (1 GiB, unless its listener or client says another number):
///   [`SendError::TooLong`] here. Where a peer announces such a one, [`RecvError::TooLong`] ends the connection.
/// - A message that was begun and is not through before the deadline, or whose sender dies, ends the connection: the peer gets
///   [`RecvError::Malformed`] and never a part of a value. A receiver's deadline ends nothing: what has come is kept.
/// - `poll` says that something has come, which may be the beginning of a message.
/// - A host that vanishes is noticed within a minute.
pub struct TcpConnection<S, R = S> {
    channel: Stream,
    carries: PhantomData<fn(&S) -> R>,
}

sending!(TcpConnection<S, R>, S);
receiving!(TcpConnection<S, R>, R);

impl<S, R> TcpConnection<S, R> {
    pub(crate) fn new(channel: Stream) -> Self {
        Self {
            channel,
            carries: PhantomData,
        }
    }

    /// The other end's address.
    ///
    /// # Errors
    /// `ENOTCONN`: the peer is gone.
    pub fn peer(&self) -> io::Result<SocketAddr> {
        let address = getpeername(&self.channel)?.ok_or(io::ErrorKind::NotConnected)?;
        SocketAddr::try_from(address).map_err(io::Error::from)
    }
}

impl<S, R> AsFd for TcpConnection<S, R> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }
}

impl<S, R> fmt::Debug for TcpConnection<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.peer() {
            Ok(peer) => write!(f, "TcpConnection({peer})"),
            Err(_) => f.write_str("TcpConnection(gone)"),
        }
    }
}
