//! `TcpListener`: an address that other machines can reach.
//!
//! Invariant: as that of `listener.rs`; and there is none without a key, since the kernel says nothing of who connects.

use std::io;
use std::marker::PhantomData;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::OwnedFd;

use crate::auth::Key;
use crate::channel::Patience;
use crate::client::error::AcceptError;
use crate::listener::acceptor::{Acceptor, Settings};
use crate::listener::door::TcpDoor;
use crate::listener::{accepting, settings};
use crate::stream::connection::TcpConnection;
use crate::stream::{LONGEST_MESSAGE, Stream};

/// Waits for connections at a TCP address. Each that comes by a [`TcpClient`](crate::TcpClient) with the same key becomes a
/// [`TcpConnection`].
///
/// ```
/// use ipc::{Key, TcpClient, TcpConnection, TcpListener};
/// use std::thread;
///
/// let key = Key::new([7; 32]); // of random bytes, and by a way that others cannot listen to
/// let listener = TcpListener::<String, u64>::bind("127.0.0.1:0", &key)?;
/// let address = listener.address();
/// let client = thread::spawn(move || {
///     let server: TcpConnection<u64, String> = TcpClient::new(&key)?.connect(address)?;
///     server.send(&7)?;
///     Ok::<_, Box<dyn std::error::Error + Send + Sync>>(server.recv()?)
/// });
/// let connection = listener.accept()?;
/// connection.send(&"seven".repeat(connection.recv()? as usize))?;
/// assert_eq!(client.join().unwrap().unwrap().len(), 35);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Both sides prove the key before anything else is read, as at a [`Listener`](crate::Listener) that has one. What is sent
/// afterwards is neither encrypted nor signed: whoever can change packets on their way can change messages. Where that may be, a
/// tunnel (SSH, WireGuard) belongs around it.
///
/// Without a key it cannot be written:
///
/// ```compile_fail
/// let listener = ipc::TcpListener::<u64>::bind("127.0.0.1:0")?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TcpListener<S, R = S> {
    acceptor: Acceptor<TcpDoor>,
    address: SocketAddr,
    longest: usize,
    carries: PhantomData<fn(&S) -> R>,
}

/// How a [`TcpListener`] listens.
#[derive(Clone, Debug)]
#[must_use]
pub struct TcpListenerOptions {
    settings: Settings,
    longest: usize,
}

impl TcpListenerOptions {
    /// For who has `key`.
    pub fn new(key: &Key) -> Self {
        Self {
            settings: Settings {
                key: Some(key.clone()),
                ..Settings::default()
            },
            longest: LONGEST_MESSAGE,
        }
    }

    settings!();

    /// How many bytes a message may have, to be sent and to be received: 1 GiB, unless it is said here.
    pub fn longest_message(mut self, bytes: usize) -> Self {
        self.longest = bytes;
        self
    }

    /// Listens. Port 0 is one that is free.
    ///
    /// # Errors
    /// `InvalidInput`: the key has no bytes, and would keep nobody out. `AddrInUse`: somebody listens there. Any other: the system's.
    pub fn bind<S, R>(&self, address: impl ToSocketAddrs) -> io::Result<TcpListener<S, R>> {
        proves_something(self.settings.key.as_ref())?;
        let mut refused = io::Error::new(io::ErrorKind::InvalidInput, "the name has no address");
        for address in address.to_socket_addrs()? {
            match TcpDoor::new(address, self.settings.backlog) {
                Err(error) => refused = error,
                Ok(door) => {
                    return Ok(TcpListener {
                        address: door.address()?,
                        acceptor: Acceptor::new(door, self.settings.clone())?,
                        longest: self.longest,
                        carries: PhantomData,
                    });
                }
            }
        }
        Err(refused)
    }
}

/// # Errors
/// `InvalidInput`: the key has no bytes.
pub(crate) fn proves_something(key: Option<&Key>) -> io::Result<()> {
    if key.is_some_and(|key| !key.is_empty()) {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        "a key of no bytes proves nothing: over TCP anybody could connect; take random bytes",
    ))
}

impl<S, R> TcpListener<S, R> {
    /// Listens for who has `key`: [`TcpListenerOptions::bind`].
    ///
    /// # Errors
    /// As there.
    pub fn bind(address: impl ToSocketAddrs, key: &Key) -> io::Result<Self> {
        TcpListenerOptions::new(key).bind(address)
    }

    /// How else it can listen.
    pub fn options(key: &Key) -> TcpListenerOptions {
        TcpListenerOptions::new(key)
    }

    /// Where it listens, with the port that it has got.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Who was accepted last, by whichever thread; `None` before the first.
    pub fn last_accepted(&self) -> Option<SocketAddr> {
        self.acceptor.last()
    }

    fn connection(&self, socket: OwnedFd) -> io::Result<TcpConnection<S, R>> {
        Ok(TcpConnection::new(Stream::new(socket, self.longest)))
    }
}

accepting!(TcpListener, TcpConnection);
