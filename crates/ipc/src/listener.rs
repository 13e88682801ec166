//! `Listener`: an address at which others find this process: CPython's `multiprocessing.connection.Listener`.
//!
//! Invariant: `accept` gives nobody but those who may come in, and a stranger costs whoever accepts neither an error nor time.
//! How handshakes go on side by side is in `listener/acceptor.rs`, where the file of an address comes from and goes to in
//! `listener/place.rs`, what is said in `auth/handshake.rs`.

pub(crate) mod acceptor;
pub(crate) mod address;
pub(crate) mod door;
mod place;
pub(crate) mod stranger;
pub(crate) mod tcp;

use std::io;
use std::marker::PhantomData;
use std::os::fd::OwnedFd;

use core_process::packet::PacketSocket;

use crate::auth::Key;
use crate::channel::{Channel, Patience};
use crate::client::error::AcceptError;
use crate::connection::Connection;
use crate::listener::acceptor::{Acceptor, Settings};
use crate::listener::address::Address;
use crate::listener::door::{Peer, Peers, UnixDoor};

/// Waits at an address for processes that have nothing of this one yet: no pipe, no queue, no common parent.
///
/// Each that connects by a [`Client`](crate::Client) becomes a [`Connection`], with all that one can do: whole messages, descriptors
/// in them, copies in other processes.
///
/// ```
/// use core_process::Process;
/// use ipc::{Address, Client, Connection, Listener};
///
/// fn ask(address: Address) -> u64 {
///     let server: Connection<u64, u64> = Client::new().connect(&address).unwrap();
///     server.send(&7).unwrap();
///     server.recv().unwrap()
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     core_process::init();
///     let listener = Listener::<u64, u64>::new()?;
///     let child = Process::new(ask, listener.address().clone()).start()?;
///     let client = listener.accept()?;
///     client.send(&(client.recv()? * 6))?;
///     assert_eq!(child.join()?, 42);
///     Ok(())
/// }
/// ```
///
/// **Who may come in.** The kernel says whose process has connected; those of another user are sent away before a byte is
/// read, unless [`ListenerOptions::peers`] allows them. With a [key](ListenerOptions::key) both sides prove that they have it, too, by
/// HMAC-SHA256 over random numbers of both. Whoever is silent is sent away after a second; whoever sends something else or has
/// another key, at once. `accept` returns nothing of it.
/// Handshakes go on while somebody accepts, all at a time, in the thread that accepts.
///
/// **What is left.** A file goes with its listener, when it is dropped or its process ends normally. One whose process was killed
/// stays: it harms nobody, and is removed by the next listener of this user that wants its address or chooses one of its own.
/// Nothing is ever left of an [abstract](Address::Abstract) address.
///
/// Beside others it is waited for by [`core_process::wait_any`]: it is ready when there is something to do, which may be to
/// hear a stranger, so a [`try_accept`](Self::try_accept) afterwards may still find nobody.
pub struct Listener<S, R = S> {
    acceptor: Acceptor<UnixDoor>,
    carries: PhantomData<fn(&S) -> R>,
}

/// How a [`Listener`] listens, and for whom.
///
/// ```
/// use ipc::{Key, Listener};
/// use std::time::Duration;
///
/// let listener: Listener<String> = Listener::<String>::options()
///     .key(&Key::from(&core_process::authkey()))
///     .handshake_time(Duration::from_millis(500))
///     .listen()?;
/// assert!(listener.address().to_string().contains("listener-"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ListenerOptions {
    settings: Settings,
    peers: Peers,
}

/// The settings that listeners of every family have.
macro_rules! settings {
    () => {
        /// How long a peer may take to prove the key: a second, unless it is said here. Who takes longer is sent away.
        pub fn handshake_time(mut self, time: std::time::Duration) -> Self {
            self.settings.handshake_time = time;
            self
        }

        /// How many peers may be proving the key at a time: 64, unless it is said here. Where one more comes, the one that has
        /// been at it longest is sent away.
        pub fn most_strangers(mut self, count: usize) -> Self {
            self.settings.most_strangers = count;
            self
        }

        /// How many connections wait in the kernel until somebody accepts: 128, unless it is said here. A client waits for room.
        pub fn backlog(mut self, count: u16) -> Self {
            self.settings.backlog = count.into();
            self
        }
    };
}

/// The forms of accepting. Each gives a `$connection`, which the method `connection` makes of a socket.
macro_rules! accepting {
    ($listener:ident, $connection:ident) => {
        impl<S, R> $listener<S, R> {
            /// Waits for somebody who may come in.
            ///
            /// # Errors
            /// An [`AcceptError`]: of this process or the system, never of a peer.
            #[track_caller]
            pub fn accept(&self) -> Result<$connection<S, R>, AcceptError> {
                self.accept_until(core_process::Until::forever())
            }

            /// [`accept`](Self::accept), if somebody is there now.
            ///
            /// # Errors
            /// [`AcceptError::WouldBlock`] if nobody is.
            #[track_caller]
            pub fn try_accept(&self) -> Result<$connection<S, R>, AcceptError> {
                self.connection(self.acceptor.accept(Patience::None)?)
                    .map_err(AcceptError::Os)
            }

            /// [`accept`](Self::accept), if somebody comes before the wait is over.
            ///
            /// # Errors
            /// [`AcceptError::TimedOut`] or [`AcceptError::Stopped`] if nobody came.
            #[track_caller]
            pub fn accept_until(
                &self,
                until: impl Into<core_process::Until>,
            ) -> Result<$connection<S, R>, AcceptError> {
                let until = until.into();
                self.connection(self.acceptor.accept(Patience::Until(&until))?)
                    .map_err(AcceptError::Os)
            }

            /// [`accept_until`](Self::accept_until) with a duration.
            ///
            /// # Errors
            /// As [`accept_until`](Self::accept_until).
            #[track_caller]
            pub fn accept_timeout(
                &self,
                time: std::time::Duration,
            ) -> Result<$connection<S, R>, AcceptError> {
                self.accept_until(time)
            }
        }

        impl<S, R> std::os::fd::AsFd for $listener<S, R> {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                self.acceptor.as_fd()
            }
        }

        impl<S, R> std::fmt::Debug for $listener<S, R> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({})", stringify!($listener), self.address())
            }
        }
    };
}

pub(crate) use {accepting, settings};

impl ListenerOptions {
    /// For processes of this user, without a key.
    pub fn new() -> Self {
        Self::default()
    }

    settings!();

    /// Lets in only who proves to have `key`, and proves it to him.
    pub fn key(mut self, key: &Key) -> Self {
        self.settings.key = Some(key.clone());
        self
    }

    /// Lets in processes of others than this user. The file of the address can then be reached by all of them, as far as its
    /// directories can.
    pub fn peers(mut self, peers: Peers) -> Self {
        self.peers = peers;
        self
    }

    /// Listens at an address that is chosen here: a file that no other has the name of, in a directory that this user alone may
    /// enter (`$XDG_RUNTIME_DIR/ipc`, or `ipc-<user>` among the temporary files).
    ///
    /// # Errors
    /// `PermissionDenied`: the directory is another user's, or open to others. `EMFILE`, `ENOSPC` and what else the system refuses.
    pub fn listen<S, R>(&self) -> io::Result<Listener<S, R>> {
        self.open(None)
    }

    /// Listens at a given address. A file that a dead listener has left there is replaced.
    ///
    /// # Errors
    /// `AddrInUse`: somebody listens there, or the file is none of a listener. `InvalidInput`: it is no address of a socket.
    pub fn listen_at<S, R>(&self, address: impl Into<Address>) -> io::Result<Listener<S, R>> {
        self.open(Some(address.into()))
    }

    fn open<S, R>(&self, address: Option<Address>) -> io::Result<Listener<S, R>> {
        let door = UnixDoor::new(address, self.peers, self.settings.backlog)?;
        Ok(Listener {
            acceptor: Acceptor::new(door, self.settings.clone())?,
            carries: PhantomData,
        })
    }
}

impl<S, R> Listener<S, R> {
    /// Listens at an address of its own, for processes of this user: [`ListenerOptions::listen`].
    ///
    /// # Errors
    /// As there.
    pub fn new() -> io::Result<Self> {
        ListenerOptions::new().listen()
    }

    /// Listens at a given address, for processes of this user: [`ListenerOptions::listen_at`].
    ///
    /// # Errors
    /// As there.
    pub fn at(address: impl Into<Address>) -> io::Result<Self> {
        ListenerOptions::new().listen_at(address)
    }

    /// How else it can listen.
    pub fn options() -> ListenerOptions {
        ListenerOptions::new()
    }

    /// Where it listens: what a client needs.
    pub fn address(&self) -> &Address {
        &self.acceptor.door().place.address
    }

    /// Who was accepted last, by whichever thread; `None` before the first. What [`Connection::peer`] says of a connection is
    /// never another's.
    pub fn last_accepted(&self) -> Option<Peer> {
        self.acceptor.last()
    }

    fn connection(&self, socket: OwnedFd) -> io::Result<Connection<S, R>> {
        connection(socket)
    }
}

accepting!(Listener, Connection);

pub(crate) fn connection<S, R>(socket: OwnedFd) -> io::Result<Connection<S, R>> {
    Ok(Connection::new(Channel::over(PacketSocket::open(socket)?)?))
}

impl<S, R> Connection<S, R> {
    /// The process that has connected, or listens, as the kernel knows it. Of a [`duplex`](crate::duplex) pipe it is the process
    /// that made the pipe.
    ///
    /// # Errors
    /// The system's, which no Unix socket has.
    pub fn peer(&self) -> io::Result<Peer> {
        Peer::of(self)
    }
}
