//! `PacketSocket`: packets of bytes and descriptors between processes, each whole or not at all.
//!
//! Invariant: the kernel takes a packet in one system call and gives it out in one, so there is no half of a packet, whoever is
//! killed when; any number of senders and receivers may share an end. What a peer sends is never believed: a packet that
//! is too long or has lost a descriptor is an error, and nothing of it stays open.
//! This file does not know what the bytes mean. The crates above build their messages on it.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags};
use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, sockopt};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::sys::poll::poll_until;
use crate::sys::{fd, fdpass};
use crate::{Fd, Until, WaitError, wait};

/// One end of a connected pair of `SOCK_SEQPACKET` sockets.
///
/// It is a value: an argument of a process, a result, a part of a message; a copy in another process is the same end. An end is
/// closed with its last copy, one that is still on its way in a message included. What has been sent before can still be
/// received then.
///
/// ```
/// use core_process::packet::PacketSocket;
/// use std::io::IoSlice;
///
/// let (ours, theirs) = PacketSocket::pair()?;
/// ours.send(&[IoSlice::new(b"head"), IoSlice::new(b"body")], &[])?;
/// drop(ours);
///
/// let mut buffer = [0; 64];
/// let packet = theirs.recv(&mut buffer)?.expect("one was sent");
/// assert_eq!(&buffer[..packet.len], b"headbody");
/// assert!(theirs.recv(&mut buffer)?.is_none()); // the peer is gone
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct PacketSocket {
    socket: OwnedFd,
}

/// As many descriptors as one packet carries.
pub const MOST_DESCRIPTORS: usize = fdpass::MOST_DESCRIPTORS;

/// A packet that has come; its bytes are in the buffer that was given.
#[derive(Debug)]
pub struct Packet {
    /// How many bytes; never 0.
    pub len: usize,
    /// The descriptors that came with it, close-on-exec, none of them 0, 1 or 2.
    pub descriptors: Vec<OwnedFd>,
}

impl PacketSocket {
    /// A connected pair.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`: no descriptor is free. `ENOMEM`, `ENOBUFS`: no kernel memory is.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (family, kind) = (AddressFamily::UNIX, SocketType::SEQPACKET);
        let (one, other) = rustix::net::socketpair(family, kind, SocketFlags::CLOEXEC, None)?;
        let [one, other] =
            [one, other].map(|socket| fd::above_standard(socket).map(|socket| Self { socket }));
        Ok((one?, other?))
    }

    /// Takes a descriptor that came from elsewhere for an end.
    ///
    /// # Errors
    /// `InvalidData`: it is no Unix socket of that type.
    pub fn open(descriptor: OwnedFd) -> io::Result<Self> {
        let is_one = sockopt::socket_domain(&descriptor) == Ok(AddressFamily::UNIX)
            && sockopt::socket_type(&descriptor) == Ok(SocketType::SEQPACKET);
        if !is_one {
            let why = "the descriptor is no end of a pair of packet sockets";
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        Ok(Self {
            socket: fd::above_standard(descriptor)?,
        })
    }

    /// The same end by another descriptor.
    ///
    /// # Errors
    /// `EMFILE`: no descriptor is free.
    pub fn try_clone(&self) -> io::Result<Self> {
        let socket = fd::duplicate(&self.socket).map_err(io::Error::from_raw_os_error)?;
        Ok(Self { socket })
    }

    /// Sends `parts` as one packet, and duplicates of `descriptors` with it. Waits while the peer's queue (some 200 KiB) is full.
    ///
    /// # Errors
    /// - `EPIPE`, `ECONNRESET`: the peer is gone (without `SIGPIPE`).
    /// - `EMSGSIZE`: the packet is larger than the socket's buffer.
    /// - `ETOOMANYREFS`: more descriptors of this user are on their way in sockets than it may have open.
    /// - `InvalidInput`: more than [`MOST_DESCRIPTORS`], or no bytes (the peer could not tell it from the end).
    pub fn send(&self, parts: &[IoSlice<'_>], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        fdpass::send_parts(&self.socket, parts, descriptors, SendFlags::empty())
    }

    /// [`send`](Self::send), and `WouldBlock` instead of waiting.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn try_send(&self, parts: &[IoSlice<'_>], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        fdpass::send_parts(&self.socket, parts, descriptors, SendFlags::DONTWAIT)
    }

    /// Waits for a packet and receives it into `buffer`. `None`: every copy of the peer is closed, and everything that was
    /// sent has been received.
    ///
    /// # Errors
    /// `InvalidData`: the packet was longer than `buffer`. `QuotaExceeded`: this process had no number free for one of its
    /// descriptors (`RLIMIT_NOFILE`). The packet is gone, and nothing of it is open.
    pub fn recv(&self, buffer: &mut [u8]) -> io::Result<Option<Packet>> {
        received(|| fdpass::recv(&self.socket, buffer))
    }

    /// [`recv`](Self::recv), and `WouldBlock` instead of waiting.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn try_recv(&self, buffer: &mut [u8]) -> io::Result<Option<Packet>> {
        received(|| fdpass::try_recv(&self.socket, buffer))
    }

    /// [`try_recv`](Self::try_recv), but the packet stays where it is: the next call finds it again, whatever came of this one.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<Option<Packet>> {
        received(|| fdpass::peek(&self.socket, buffer))
    }

    /// Throws the first packet away, if there is one; its descriptors are closed.
    ///
    /// # Errors
    /// The system's, as [`recv`](Self::recv).
    pub fn skip(&self) -> io::Result<()> {
        match received(|| fdpass::skip(&self.socket).map(|()| (0, Vec::new()))) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            other => other.map(drop),
        }
    }

    /// Whether every copy of the peer is closed. What it sent before may still be there.
    pub fn is_abandoned(&self) -> bool {
        let mut one = [PollFd::new(&self.socket, PollFlags::empty())];
        let now = Some(std::time::Instant::now());
        poll_until(&mut one, now).is_ok() && one[0].revents().contains(PollFlags::HUP)
    }

    /// Waits until a packet has come or the peer is gone. Takes nothing.
    ///
    /// # Errors
    /// A [`WaitError`] if the wait is over before.
    pub fn wait_to_recv(&self, until: &Until) -> Result<(), WaitError> {
        wait::first_of(&[&self.socket], until).map(drop)
    }

    /// Waits until there is room for a packet or the peer is gone.
    ///
    /// # Errors
    /// A [`WaitError`] if the wait is over before.
    pub fn wait_to_send(&self, until: &Until) -> Result<(), WaitError> {
        wait::wait_to_write(&self.socket, until)
    }
}

/// A peer that ended with packets of ours unread leaves an error at this end, once; what it sent before is behind it.
fn received(mut call: impl FnMut() -> io::Result<(usize, Vec<OwnedFd>)>) -> io::Result<Option<Packet>> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
            Err(error) => return Err(error),
            Ok((0, _)) => return Ok(None),
            Ok((len, descriptors)) => return Ok(Some(Packet { len, descriptors })),
        }
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl From<PacketSocket> for OwnedFd {
    fn from(end: PacketSocket) -> Self {
        end.socket
    }
}

impl Serialize for PacketSocket {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Fd::from(self.as_fd()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PacketSocket {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let socket: Fd<OwnedFd> = Fd::deserialize(deserializer)?;
        Self::open(socket.into_inner()).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StopSource;
    use crate::codec::{decode, encode};
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    fn text(socket: &PacketSocket) -> Option<String> {
        let mut buffer = [0; 64];
        let packet = socket.recv(&mut buffer).unwrap()?;
        Some(String::from_utf8_lossy(&buffer[..packet.len]).into_owned())
    }

    #[test]
    fn what_was_sent_is_received_even_if_the_peer_died_with_something_unread() {
        let (ours, theirs) = PacketSocket::pair().unwrap();
        theirs.send(&[IoSlice::new(b"last words")], &[]).unwrap();
        ours.send(&[IoSlice::new(b"unread")], &[]).unwrap();
        assert!(!ours.is_abandoned());
        drop(theirs);
        assert!(ours.is_abandoned());
        assert_eq!(text(&ours).as_deref(), Some("last words"));
        assert_eq!(text(&ours), None);
        assert_eq!(text(&ours), None);
    }

    #[test]
    fn a_packet_that_was_looked_at_is_still_there_until_it_is_skipped() {
        let (ours, theirs) = PacketSocket::pair().unwrap();
        ours.skip().unwrap();
        let nothing = ours.peek(&mut [0; 8]).unwrap_err();
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
        theirs.send(&[IoSlice::new(b"1")], &[theirs.as_fd()]).unwrap();
        theirs.send(&[IoSlice::new(b"2")], &[]).unwrap();
        for _ in 0..2 {
            let packet = ours.peek(&mut [0; 8]).unwrap().unwrap();
            assert_eq!((packet.len, packet.descriptors.len()), (1, 1));
        }
        ours.skip().unwrap();
        assert_eq!(text(&ours).as_deref(), Some("2"));
    }

    #[test]
    fn a_full_queue_is_waited_for_until_the_deadline_or_the_token() {
        let (ours, theirs) = PacketSocket::pair().unwrap();
        let packet = [0; 16 << 10];
        while ours.try_send(&[IoSlice::new(&packet)], &[]).is_ok() {}
        let error = ours.try_send(&[IoSlice::new(&packet)], &[]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        let soon = Until::from(Duration::from_millis(5));
        assert!(matches!(ours.wait_to_send(&soon), Err(WaitError::TimedOut)));
        let source = StopSource::new().unwrap();
        source.stop();
        let stopped = Until::from(&source.token());
        assert!(matches!(ours.wait_to_send(&stopped), Err(WaitError::Stopped)));
        while theirs.try_recv(&mut [0; 16 << 10]).is_ok() {}
        ours.wait_to_send(&stopped).unwrap();
        theirs.wait_to_recv(&soon).unwrap_err();
        drop(theirs);
        ours.wait_to_send(&Until::forever()).unwrap();
        ours.wait_to_recv(&Until::forever()).unwrap();
    }

    #[test]
    fn another_socket_is_no_end() {
        let (stream, _peer) = UnixStream::pair().unwrap();
        let sent = encode(&Fd::from(stream)).unwrap();
        let error = decode::<PacketSocket>(&sent.bytes, sent.descriptors).unwrap_err();
        assert!(error.to_string().contains("no end of a pair"), "{error}");
        let (ours, theirs) = PacketSocket::pair().unwrap();
        let sent = encode(&ours).unwrap();
        drop(ours);
        let moved: PacketSocket = decode(&sent.bytes, sent.descriptors).unwrap();
        moved.send(&[IoSlice::new(b"from there")], &[]).unwrap();
        assert_eq!(text(&theirs).as_deref(), Some("from there"));
    }
}
