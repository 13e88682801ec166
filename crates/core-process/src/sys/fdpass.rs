//! A packet of bytes and descriptors over a `SOCK_SEQPACKET` socket.
//!
//! Invariant: a packet arrives whole (every byte and every descriptor that was sent) or is an error, and after an
//! error none of its descriptors is open. A received descriptor is owned from the first instruction, close-on-exec,
//! and never 0, 1 or 2.
//! This file does not know what the bytes mean, nor who may send.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::cmsg_space;
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use super::fd::above_standard;

/// As many descriptors as the kernel carries in one packet (its `SCM_MAX_FD`).
pub(crate) const MOST_DESCRIPTORS: usize = 253;

/// Sends one packet; the descriptors stay the caller's. Blocks while the peer's queue is full, unless the socket is
/// non-blocking.
///
/// # Errors
/// - `EPIPE`, `ECONNRESET`: the peer is gone (without `SIGPIPE`).
/// - `EMSGSIZE`: the packet is larger than the socket's buffer.
/// - `ETOOMANYREFS`: more descriptors of this user are on their way in sockets than it may have open.
/// - `InvalidInput`: more than [`MOST_DESCRIPTORS`], or no bytes (the peer could not tell it from the end).
pub(crate) fn send(socket: impl AsFd, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    send_parts(socket, &[IoSlice::new(bytes)], descriptors, SendFlags::empty())
}

/// [`send`] of several parts as one packet; with `DONTWAIT` it is `EAGAIN` where it would block.
pub(crate) fn send_parts(
    socket: impl AsFd,
    parts: &[IoSlice<'_>],
    descriptors: &[BorrowedFd<'_>],
    flags: SendFlags,
) -> io::Result<()> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    if length == 0 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "an empty packet looks like the end of the stream",
        ));
    }
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    // The buffer is rounded up: it alone would let one more through, which the kernel refuses without a reason.
    let fits = descriptors.is_empty()
        || (descriptors.len() <= MOST_DESCRIPTORS
            && control.push(SendAncillaryMessage::ScmRights(descriptors)));
    if !fits {
        let why = format!(
            "{} descriptors in a packet; it carries {MOST_DESCRIPTORS}",
            descriptors.len()
        );
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    let sent = retry_on_intr(|| sendmsg(&socket, parts, &mut control, SendFlags::NOSIGNAL | flags))?;
    // A SOCK_SEQPACKET socket takes a packet or refuses it; anything else is a socket of another type.
    if sent == length {
        Ok(())
    } else {
        Err(Errno::PROTOTYPE.into())
    }
}

/// Receives one packet into `buffer`: how many bytes it has, and its descriptors.
/// Blocks until there is one, unless the socket is non-blocking. No bytes and no descriptors: the peer is gone.
///
/// # Errors
/// - `InvalidData`: the packet is longer than `buffer`. It is gone, and closed.
/// - `QuotaExceeded`: some of its descriptors were lost, because this process has no number free for them
///   (`RLIMIT_NOFILE`). The rest of the packet is gone too, and closed.
/// - `ECONNRESET`: the peer ended with a packet of ours unread.
pub(crate) fn recv(socket: impl AsFd, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    receive(socket, buffer, RecvFlags::empty())
}

/// [`recv`], and `EAGAIN` where it would block.
pub(crate) fn try_recv(socket: impl AsFd, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    receive(socket, buffer, RecvFlags::DONTWAIT)
}

/// [`try_recv`], but the packet stays at the head of the queue, whatever comes of it: a second call, or one of [`skip`],
/// finds it again.
pub(crate) fn peek(socket: impl AsFd, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    receive(socket, buffer, RecvFlags::PEEK | RecvFlags::DONTWAIT)
}

/// The bytes alone of the packet at the head of the queue, which stays there, and how many there are, even if the buffer is
/// shorter. `None` where there is no packet.
pub(crate) fn peek_bytes(socket: impl AsFd, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT | RecvFlags::TRUNC;
    match retry_on_intr(|| rustix::net::recv(&socket, &mut *buffer, flags)) {
        Ok((_, length)) => Ok(Some(length)),
        Err(Errno::AGAIN) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Takes the packet at the head of the queue away; the kernel closes its descriptors.
pub(crate) fn skip(socket: impl AsFd) -> io::Result<()> {
    retry_on_intr(|| rustix::net::recv(&socket, &mut [0_u8; 1], RecvFlags::DONTWAIT))?;
    Ok(())
}

fn receive(socket: impl AsFd, buffer: &mut [u8], flags: RecvFlags) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = retry_on_intr(|| {
        recvmsg(
            &socket,
            &mut [IoSliceMut::new(buffer)],
            &mut control,
            RecvFlags::CMSG_CLOEXEC | flags,
        )
    })?;
    // Owned before anything else is looked at: every way out of here closes them.
    let descriptors: Vec<OwnedFd> = control
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        })
        .flatten()
        .collect();

    if received.flags.contains(ReturnFlags::CTRUNC) {
        return Err(io::Error::new(
            io::ErrorKind::QuotaExceeded,
            "no number is free for the descriptors of a packet: this process may open no more (RLIMIT_NOFILE)",
        ));
    }
    if received.flags.contains(ReturnFlags::TRUNC) {
        return Err(invalid("a packet is longer than its receiver allows"));
    }
    if received.bytes == 0 && !descriptors.is_empty() {
        return Err(invalid("a packet has descriptors and no bytes"));
    }
    let descriptors = descriptors
        .into_iter()
        .map(above_standard)
        .collect::<io::Result<_>>()?;
    Ok((received.bytes, descriptors))
}

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{MemfdFlags, memfd_create};
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    use std::os::fd::AsRawFd;
    use std::process::Command;

    fn pair() -> (OwnedFd, OwnedFd) {
        socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )
        .unwrap()
    }

    fn memfd(name: &str) -> OwnedFd {
        memfd_create(name, MemfdFlags::CLOEXEC).unwrap()
    }

    /// How many descriptors of this process are the memfd of that name.
    fn open(name: &str) -> usize {
        let link = format!("/memfd:{name} (deleted)");
        let all = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
        all.filter(|entry| std::fs::read_link(entry.path()).is_ok_and(|to| to.to_string_lossy() == link))
            .count()
    }

    #[test]
    fn bytes_and_descriptors_arrive_together() {
        let (a, b) = pair();
        let file = memfd("fdpass-together");
        send(&a, b"first", &[file.as_fd(), file.as_fd()]).unwrap();
        send(&a, b"second", &[]).unwrap();
        drop(a);

        let mut buffer = [0; 16];
        let (length, descriptors) = recv(&b, &mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"first");
        assert_eq!(descriptors.len(), 2);
        for descriptor in &descriptors {
            assert!(descriptor.as_raw_fd() > 2);
            assert!(
                rustix::io::fcntl_getfd(descriptor)
                    .unwrap()
                    .contains(rustix::io::FdFlags::CLOEXEC)
            );
        }
        assert_eq!(open("fdpass-together"), 3);
        let (length, descriptors) = recv(&b, &mut buffer).unwrap();
        assert_eq!((&buffer[..length], descriptors.len()), (&b"second"[..], 0));
        assert!(matches!(recv(&b, &mut buffer), Ok((0, none)) if none.is_empty()));
    }

    #[test]
    fn a_packet_carries_253_descriptors_and_not_one_more() {
        let (a, b) = pair();
        let file = memfd("fdpass-many");
        send(&a, b"x", &vec![file.as_fd(); MOST_DESCRIPTORS]).unwrap();
        assert_eq!(recv(&b, &mut [0; 1]).unwrap().1.len(), MOST_DESCRIPTORS);
        let error = send(&a, b"x", &vec![file.as_fd(); MOST_DESCRIPTORS + 1]).unwrap_err();
        assert_eq!(error.to_string(), "254 descriptors in a packet; it carries 253");
    }

    #[test]
    fn a_packet_too_long_is_an_error_that_closes_its_descriptors() {
        let (a, b) = pair();
        let file = memfd("fdpass-long");
        send(&a, b"123456", &[file.as_fd()]).unwrap();
        let error = recv(&b, &mut [0; 5]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(open("fdpass-long"), 1);
    }

    #[test]
    fn a_packet_without_bytes_is_refused_on_both_sides() {
        let (a, b) = pair();
        let file = memfd("fdpass-empty");
        assert_eq!(
            send(&a, &[], &[]).unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let descriptors = [file.as_fd()];
        assert!(control.push(SendAncillaryMessage::ScmRights(&descriptors)));
        sendmsg(&a, &[], &mut control, SendFlags::NOSIGNAL).unwrap();
        assert_eq!(
            recv(&b, &mut [0; 8]).unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
        assert_eq!(open("fdpass-empty"), 1);
    }

    #[test]
    fn a_peer_that_is_gone_is_an_error_and_no_signal() {
        let (a, b) = pair();
        drop(b);
        let error = send(&a, b"x", &[]).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EPIPE));
    }

    /// Runs alone in a process of its own, since it lowers the limit of the process.
    #[test]
    fn at_the_descriptor_limit_nothing_of_the_packet_stays_open() {
        const HERE: &str = "CORE_PROCESS_TEST_DESCRIPTOR_LIMIT";
        if std::env::var_os(HERE).is_none() {
            let name = "sys::fdpass::tests::at_the_descriptor_limit_nothing_of_the_packet_stays_open";
            let child = Command::new(std::env::current_exe().unwrap())
                .args([name, "--exact", "--nocapture", "--test-threads=1"])
                .env(HERE, "1")
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&child.stdout).into_owned();
            assert!(
                child.status.success(),
                "{said}{}",
                String::from_utf8_lossy(&child.stderr)
            );
            assert!(said.contains("1 passed"), "{said}");
            return;
        }
        let (a, b) = pair();
        let file = memfd("fdpass-limit");
        send(&a, b"x", &[file.as_fd(); 20]).unwrap();
        send(&a, b"x", &[file.as_fd(); 2]).unwrap();
        let highest = file.as_raw_fd();
        let maximum = getrlimit(Resource::Nofile).maximum;
        setrlimit(
            Resource::Nofile,
            Rlimit {
                current: Some(highest as u64 + 4),
                maximum,
            },
        )
        .unwrap();
        let error = recv(&b, &mut [0; 8]).unwrap_err();
        assert!(error.to_string().contains("RLIMIT_NOFILE"), "{error}");
        // There is room again for the next packet: everything of the first was closed.
        assert_eq!(recv(&b, &mut [0; 8]).unwrap().1.len(), 2);
        setrlimit(
            Resource::Nofile,
            Rlimit {
                current: maximum,
                maximum,
            },
        )
        .unwrap();
        assert_eq!(open("fdpass-limit"), 1);
    }
}
