//! A door: a listening socket, and who may come in by it.
//!
//! Invariant: what a peer does between its connection and `accept` is no error of the door.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::sys::socket::sockopt::PeerCredentials;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with, sockopt};

use crate::listener::address::Address;
use crate::listener::place::Place;

/// A listening socket.
pub(crate) trait Door: AsFd {
    /// Who has come, as far as the kernel knows.
    type Peer: Clone;

    /// Whether a message of the handshake is one packet.
    const PACKETS: bool;

    /// One connection that waits. `WouldBlock`: none does.
    fn open(&self) -> io::Result<(OwnedFd, Self::Peer)>;

    /// Whether `peer` may go on.
    fn admits(&self, peer: &Self::Peer) -> bool;
}

/// The process at the other end of a Unix socket, as the kernel says: the one that connected, or that listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Peer {
    /// Its number when it connected; 0 where it cannot be seen from here (another pid namespace). It may be another's by now:
    /// look, but do not signal it.
    pub pid: u32,
    /// Its user.
    pub user: u32,
    /// Its group.
    pub group: u32,
}

/// Whose processes may be at the other end of a Unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Peers {
    /// Those of the user that this process acts for.
    #[default]
    SameUser,
    /// Those of this user and of another one.
    AlsoUser(u32),
    /// Anybody's. A key is the only thing that keeps strangers out then.
    Anyone,
}

impl Peer {
    /// The peer of a connected socket.
    pub(crate) fn of(socket: impl AsFd) -> io::Result<Self> {
        let peer = nix::sys::socket::getsockopt(&socket.as_fd(), PeerCredentials)?;
        Ok(Self {
            pid: peer.pid().try_into().unwrap_or(0),
            user: peer.uid(),
            group: peer.gid(),
        })
    }
}

impl Peers {
    pub(crate) fn admit(self, peer: &Peer) -> bool {
        let same = peer.user == rustix::process::geteuid().as_raw();
        same || match self {
            Self::SameUser => false,
            Self::AlsoUser(user) => peer.user == user,
            Self::Anyone => true,
        }
    }

    /// The mode of a socket's file.
    fn mode(self) -> u32 {
        match self {
            Self::SameUser => 0o600,
            Self::AlsoUser(_) | Self::Anyone => 0o666,
        }
    }
}

/// A Unix socket.
pub(crate) struct UnixDoor {
    // Goes first, so that there is no moment in which the file of a living listener looks stale.
    pub(crate) place: Place,
    socket: OwnedFd,
    peers: Peers,
}

impl UnixDoor {
    pub(crate) fn new(address: Option<Address>, peers: Peers, backlog: i32) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        let socket = above_standard(socket)?;
        let place = match address {
            Some(address) => Place::bind(&socket, address, peers.mode())?,
            None => Place::bind_anywhere(&socket)?,
        };
        rustix::net::listen(&socket, backlog)?;
        Ok(Self { place, socket, peers })
    }
}

impl AsFd for UnixDoor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Door for UnixDoor {
    type Peer = Peer;
    const PACKETS: bool = true;

    fn open(&self) -> io::Result<(OwnedFd, Peer)> {
        let socket = accepted(|| rustix::net::accept_with(&self.socket, SocketFlags::CLOEXEC))?;
        let peer = Peer::of(&socket)?;
        Ok((socket, peer))
    }

    fn admits(&self, peer: &Peer) -> bool {
        self.peers.admit(peer)
    }
}

/// A TCP socket.
pub(crate) struct TcpDoor {
    socket: TcpListener,
}

impl TcpDoor {
    pub(crate) fn new(address: SocketAddr, backlog: i32) -> io::Result<Self> {
        let socket = TcpListener::from(above_standard(TcpListener::bind(address)?.into())?);
        socket.set_nonblocking(true)?;
        // Again, with the caller's number.
        rustix::net::listen(&socket, backlog)?;
        Ok(Self { socket })
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

impl AsFd for TcpDoor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Door for TcpDoor {
    type Peer = SocketAddr;
    const PACKETS: bool = false;

    fn open(&self) -> io::Result<(OwnedFd, SocketAddr)> {
        let (socket, peer) = accepted(|| {
            let (socket, peer) = rustix::net::acceptfrom_with(&self.socket, SocketFlags::CLOEXEC)?;
            // Whoever has gone again has no address, and may be refused what follows.
            let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
            let peer = peer.ok_or(Errno::CONNABORTED)?;
            prepare(&socket).map_err(|_| Errno::CONNABORTED)?;
            Ok((socket, peer))
        })?;
        let socket = above_standard(socket)?;
        Ok((socket, peer))
    }

    fn admits(&self, _: &SocketAddr) -> bool {
        true
    }
}

/// The same open file under a number that is no standard stream's: a program that has closed one would else write its messages to a
/// peer.
pub(crate) fn above_standard(descriptor: OwnedFd) -> io::Result<OwnedFd> {
    if descriptor.as_raw_fd() > 2 {
        return Ok(descriptor);
    }
    Ok(rustix::io::fcntl_dupfd_cloexec(&descriptor, 3)?)
}

/// What every TCP connection gets: small messages go at once, and a host that has vanished is noticed within a minute.
pub(crate) fn prepare(socket: impl AsFd) -> io::Result<()> {
    use std::time::Duration;
    let socket = socket.as_fd();
    sockopt::set_tcp_nodelay(socket, true)?;
    sockopt::set_socket_keepalive(socket, true)?;
    sockopt::set_tcp_keepidle(socket, Duration::from_secs(30))?;
    sockopt::set_tcp_keepintvl(socket, Duration::from_secs(10))?;
    sockopt::set_tcp_keepcnt(socket, 3)?;
    Ok(())
}

/// Accepts one, and leaves out those that have failed before: Linux gives their errors to whoever accepts.
fn accepted<R>(mut accept: impl FnMut() -> Result<R, Errno>) -> io::Result<R> {
    loop {
        match accept() {
            Err(
                Errno::INTR
                | Errno::CONNABORTED
                | Errno::PROTO
                | Errno::NETDOWN
                | Errno::NOPROTOOPT
                | Errno::HOSTDOWN
                | Errno::NONET
                | Errno::HOSTUNREACH
                | Errno::OPNOTSUPP
                | Errno::NETUNREACH
                | Errno::PERM,
            ) => {}
            other => return Ok(other?),
        }
    }
}
