//! `Client`: a connection to a listener: CPython's `multiprocessing.connection.Client`.
//!
//! Invariant: whoever gets a connection knows whose it is, as far as was asked: of an allowed user, and with a key, that the
//! listener has it as well. The whole of connecting, the handshake included, is within the caller's deadline; and a listener
//! that has begun the handshake ends it in the time that is set, or the call ends.

pub(crate) mod error;
pub(crate) mod tcp;

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use core_process::{Until, WaitError, wait_any};
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use crate::auth::handshake::{Connecting, Failure};
use crate::auth::{Key, random};
use crate::client::error::ConnectError;
use crate::connection::Connection;
use crate::listener::address::Address;
use crate::listener::connection;
use crate::listener::door::{Peer, Peers};
use crate::listener::stranger::{Partial, say};

/// Whoever waits in the kernel for room at a listener looks at his stop token so often.
const LOOK: Duration = Duration::from_millis(50);

/// How one connects to a [`Listener`](crate::Listener).
///
/// ```
/// use ipc::{Client, Connection, Listener};
///
/// let listener = Listener::<u64, u64>::at("\0an example's name")?;
/// let ours: Connection<u64> = Client::new().connect("\0an example's name")?;
/// let theirs = listener.accept()?;
/// ours.send(&7)?;
/// assert_eq!(theirs.recv()?, 7);
/// assert_eq!(theirs.peer()?.pid, std::process::id());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Without a key, it is connected when the kernel says so: the listener need not accept before something is sent, and one that
/// asks for a key sends it away later. With a key, it waits for the listener to accept.
#[derive(Clone, Debug)]
#[must_use]
pub struct Client {
    key: Option<Key>,
    peers: Peers,
    handshake_time: Duration,
}

/// The forms of connecting. Each gives a `$connection`.
macro_rules! connecting {
    ($client:ident, $connection:ident, $($to:tt)+) => {
        impl $client {
            /// Connects; waits for as long as the listener lets it wait.
            ///
            /// # Errors
            /// A [`ConnectError`].
            #[track_caller]
            pub fn connect<S, R>(&self, address: $($to)+) -> Result<$connection<S, R>, ConnectError> {
                self.connect_until(address, core_process::Until::forever())
            }

            /// [`connect`](Self::connect), if it is through before the wait is over.
            ///
            /// # Errors
            /// [`ConnectError::TimedOut`] or [`ConnectError::Stopped`] if it was not.
            #[track_caller]
            pub fn connect_until<S, R>(
                &self,
                address: $($to)+,
                until: impl Into<core_process::Until>,
            ) -> Result<$connection<S, R>, ConnectError> {
                self.connected(address, &until.into())
            }

            /// [`connect_until`](Self::connect_until) with a duration.
            ///
            /// # Errors
            /// As [`connect_until`](Self::connect_until).
            #[track_caller]
            pub fn connect_timeout<S, R>(
                &self,
                address: $($to)+,
                time: std::time::Duration,
            ) -> Result<$connection<S, R>, ConnectError> {
                self.connect_until(address, time)
            }
        }
    };
}

pub(crate) use connecting;

impl Default for Client {
    fn default() -> Self {
        Self {
            key: None,
            peers: Peers::SameUser,
            handshake_time: HANDSHAKE_TIME,
        }
    }
}

/// How long a listener may take from its first word to its last, where nothing else is said.
pub(crate) const HANDSHAKE_TIME: Duration = Duration::from_secs(5);

impl Client {
    /// Of a listener of this user that asks for no key.
    pub fn new() -> Self {
        Self::default()
    }

    /// Of a listener that has this key, and proves it.
    pub fn key(mut self, key: &Key) -> Self {
        self.key = Some(key.clone());
        self
    }

    /// Of a listener that may be another user's.
    pub fn peers(mut self, peers: Peers) -> Self {
        self.peers = peers;
        self
    }

    /// How long the listener may take to prove the key once it has begun: five seconds, unless it is said here.
    pub fn handshake_time(mut self, time: Duration) -> Self {
        self.handshake_time = time;
        self
    }

    fn connected<S, R>(
        &self,
        address: impl Into<Address>,
        until: &Until,
    ) -> Result<Connection<S, R>, ConnectError> {
        let socket = connect_unix(&address.into(), until)?;
        let peer = Peer::of(&socket).map_err(ConnectError::Os)?;
        if !self.peers.admit(&peer) {
            return Err(ConnectError::OtherUser(peer.user));
        }
        if let Some(key) = &self.key {
            prove(&socket, key, true, self.handshake_time, until)?;
        }
        connection(socket).map_err(ConnectError::Os)
    }
}

connecting!(Client, Connection, impl Into<Address>);

fn connect_unix(address: &Address, until: &Until) -> Result<OwnedFd, ConnectError> {
    let os = |error: Errno| ConnectError::Os(error.into());
    let system = address.to_system().map_err(ConnectError::Os)?;
    let socket = socket_with(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )
    .map_err(os)?;
    // A listener with too many waiting has no room: nothing but this call itself waits for some.
    loop {
        let left = until.remaining().unwrap_or(LOOK).min(LOOK);
        let left = left.max(Duration::from_millis(1));
        set_socket_timeout(&socket, Timeout::Send, Some(left)).map_err(os)?;
        match rustix::net::connect(&socket, &system) {
            Ok(()) => break,
            Err(Errno::AGAIN | Errno::INTR) => ended(until)?,
            Err(error @ (Errno::CONNREFUSED | Errno::NOENT)) => {
                return Err(ConnectError::NobodyListens(error.into()));
            }
            Err(Errno::PROTOTYPE) => return Err(ConnectError::Malformed),
            Err(error) => return Err(os(error)),
        }
    }
    set_socket_timeout(&socket, Timeout::Send, None).map_err(os)?;
    Ok(socket)
}

/// # Errors
/// The wait is over.
pub(crate) fn ended(until: &Until) -> Result<(), WaitError> {
    if until.token().is_some_and(|token| token.is_stopped()) {
        return Err(WaitError::Stopped);
    }
    if until.remaining().is_some_and(|left| left.is_zero()) {
        return Err(WaitError::TimedOut);
    }
    Ok(())
}

/// The client's side of the handshake.
#[track_caller]
pub(crate) fn prove(
    socket: &OwnedFd,
    key: &Key,
    in_packets: bool,
    time: Duration,
    until: &Until,
) -> Result<(), ConnectError> {
    let failed = |failure| match failure {
        Failure::Malformed => ConnectError::Malformed,
        Failure::WrongKey | Failure::Refused => ConnectError::WrongKey,
    };
    let mut message = Partial::default();
    let challenge = hear(socket, &mut message, Connecting::EXPECTS, in_packets, until)?;
    let nonce = random().map_err(ConnectError::Os)?;
    let (handshake, proof) = Connecting::prove(key.bytes(), challenge, nonce).map_err(failed)?;
    if !say(socket, &proof) {
        return Err(ConnectError::Closed);
    }
    // Once it has begun, the listener has a time of its own.
    let deadline = Instant::now().checked_add(time);
    let deadline = [deadline, until.deadline()].into_iter().flatten().min();
    let until = match (until.token(), deadline) {
        (Some(token), Some(deadline)) => Until::from((token, deadline)),
        (None, Some(deadline)) => Until::from(deadline),
        _ => until.clone(),
    };
    let verdict = hear(socket, &mut message, Connecting::EXPECTS_THEN, in_packets, &until)?;
    handshake.finish(key.bytes(), verdict).map_err(failed)
}

/// Waits for a message of the handshake.
#[track_caller]
fn hear<'a>(
    socket: &OwnedFd,
    message: &'a mut Partial,
    expected: usize,
    in_packets: bool,
    until: &Until,
) -> Result<&'a [u8], ConnectError> {
    loop {
        match message.fill(socket, expected, in_packets) {
            Ok(true) => return Ok(message.take(expected)),
            Ok(false) => {}
            Err(Errno::CONNRESET | Errno::PIPE) => return Err(ConnectError::Closed),
            Err(Errno::PROTO) => return Err(ConnectError::Malformed),
            Err(error) => return Err(ConnectError::Os(error.into())),
        }
        ended(until)?;
        wait_any(&[socket], until.clone())?;
    }
}
