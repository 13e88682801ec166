//! `TcpClient`: a connection to a listener on another machine, or on this one by TCP.
//!
//! Invariant: as that of `client.rs`; and there is none without a key.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::time::Duration;

use core_process::{Until, wait_to_write};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with, sockopt};

use crate::auth::Key;
use crate::client::error::ConnectError;
use crate::client::{HANDSHAKE_TIME, connecting, ended, prove};
use crate::listener::door::{above_standard, prepare};
use crate::listener::tcp::proves_something;
use crate::stream::connection::TcpConnection;
use crate::stream::{LONGEST_MESSAGE, Stream};

/// How one connects to a [`TcpListener`](crate::TcpListener): see there for an example, and for what the key is good for.
#[derive(Clone, Debug)]
#[must_use]
pub struct TcpClient {
    key: Key,
    handshake_time: Duration,
    longest: usize,
}

impl TcpClient {
    /// Of a listener that has `key`, and proves it.
    ///
    /// # Errors
    /// `InvalidInput`: the key has no bytes.
    pub fn new(key: &Key) -> io::Result<Self> {
        proves_something(Some(key))?;
        Ok(Self {
            key: key.clone(),
            handshake_time: HANDSHAKE_TIME,
            longest: LONGEST_MESSAGE,
        })
    }

    /// How long the listener may take to prove the key once it has begun: five seconds, unless it is said here.
    pub fn handshake_time(mut self, time: Duration) -> Self {
        self.handshake_time = time;
        self
    }

    /// How many bytes a message may have, to be sent and to be received: 1 GiB, unless it is said here.
    pub fn longest_message(mut self, bytes: usize) -> Self {
        self.longest = bytes;
        self
    }

    fn connected<S, R>(
        &self,
        address: impl ToSocketAddrs,
        until: &Until,
    ) -> Result<TcpConnection<S, R>, ConnectError> {
        let mut refused = ConnectError::NobodyListens(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the name has no address",
        ));
        for address in address.to_socket_addrs().map_err(ConnectError::Os)? {
            match connect_tcp(address, until) {
                Ok(socket) => {
                    prove(&socket, &self.key, false, self.handshake_time, until)?;
                    return Ok(TcpConnection::new(Stream::new(socket, self.longest)));
                }
                Err(error @ (ConnectError::TimedOut | ConnectError::Stopped)) => return Err(error),
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }
}

connecting!(TcpClient, TcpConnection, impl ToSocketAddrs);

fn connect_tcp(address: SocketAddr, until: &Until) -> Result<OwnedFd, ConnectError> {
    let os = |error: Errno| ConnectError::Os(error.into());
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, None).map_err(os)?;
    let outcome = match rustix::net::connect(&socket, &address) {
        // It goes on by itself, also where a signal has interrupted the call.
        Err(Errno::INPROGRESS | Errno::INTR) => {
            ended(until)?;
            wait_to_write(&socket, until)?;
            sockopt::socket_error(&socket).map_err(os)?
        }
        other => other,
    };
    match outcome {
        Ok(()) => {}
        Err(Errno::CONNREFUSED) => return Err(ConnectError::NobodyListens(Errno::CONNREFUSED.into())),
        Err(error) => return Err(os(error)),
    }
    prepare(&socket).map_err(ConnectError::Os)?;
    above_standard(socket).map_err(ConnectError::Os)
}
