//! The way home of descriptors that are part of a result: one socket pair for all children of a process.
//!
//! A result's bytes come back in the start block; descriptors need a socket, and one per child would double what a child costs
//! its parent. Each packet carries the token of its child's block, so packets of several children may lie side by side. A
//! child sends before it publishes, so a published result's descriptors are in the socket when its parent looks.
//!
//! If a child dies before it sends: nothing was published either. After it sent and before it published: the packet stays
//! unclaimed, and is closed when the parent ends. If the socket is full (some hundred packets that nobody joined), a child
//! waits in `send` until the parent joins one, or dies.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex};

use rustix::net::{AddressFamily, SocketFlags, SocketType};

use crate::handle::lock;
use crate::sys::{fd, fdpass};

struct Receiver {
    socket: OwnedFd,
    /// The end that every child gets a copy of.
    sender: Arc<OwnedFd>,
    unclaimed: HashMap<u64, Vec<OwnedFd>>,
}

static RECEIVER: Mutex<Option<Receiver>> = Mutex::new(None);

/// In a child: where its own result's descriptors go.
static HOME: Mutex<Option<Arc<OwnedFd>>> = Mutex::new(None);

/// The end for a child that is being started.
pub(crate) fn sender() -> io::Result<Arc<OwnedFd>> {
    let mut receiver = lock(&RECEIVER);
    if receiver.is_none() {
        let (socket, sender) = rustix::net::socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )?;
        let (socket, sender) = (fd::above_standard(socket)?, fd::above_standard(sender)?);
        *receiver = Some(Receiver {
            socket,
            sender: Arc::new(sender),
            unclaimed: HashMap::new(),
        });
    }
    match &*receiver {
        Some(receiver) => Ok(receiver.sender.clone()),
        None => Err(io::ErrorKind::NotFound.into()),
    }
}

/// In a child: keeps the end that its parent gave it.
pub(crate) fn keep_home(sender: Arc<OwnedFd>) {
    *lock(&HOME) = Some(sender);
}

/// In a child: sends the descriptors of its result.
pub(crate) fn send(token: u64, descriptors: &[OwnedFd]) -> io::Result<()> {
    let home = lock(&HOME);
    let home = home
        .as_ref()
        .ok_or_else(|| io::Error::from_raw_os_error(libc::EBADF))?;
    let borrowed: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
    fdpass::send(home.as_fd(), &token.to_ne_bytes(), &borrowed)
}

/// In the parent: the descriptors that came with a token.
pub(crate) fn take(token: u64) -> io::Result<Vec<OwnedFd>> {
    let mut receiver = lock(&RECEIVER);
    let receiver = receiver
        .as_mut()
        .ok_or_else(|| io::Error::from_raw_os_error(libc::EBADF))?;
    loop {
        if let Some(descriptors) = receiver.unclaimed.remove(&token) {
            return Ok(descriptors);
        }
        // The child is dead, so its packet is here; nothing here would be an answer, too.
        let ready = rustix::event::PollFlags::IN;
        let mut poll = [rustix::event::PollFd::new(&receiver.socket, ready)];
        if rustix::event::poll(
            &mut poll,
            Some(&rustix::event::Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            }),
        )? == 0
        {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                "the result's descriptors did not come",
            ));
        }
        let mut packet = [0; 8];
        let (length, descriptors) = fdpass::recv(receiver.socket.as_fd(), &mut packet)?;
        if length == packet.len() {
            receiver.unclaimed.insert(u64::from_ne_bytes(packet), descriptors);
        }
    }
}

/// The descriptors that this file keeps open in this process.
pub(crate) fn own_descriptors() -> Vec<i32> {
    use std::os::fd::AsRawFd;
    let receiver = lock(&RECEIVER);
    let receiver = receiver
        .iter()
        .flat_map(|receiver| [receiver.socket.as_raw_fd(), receiver.sender.as_raw_fd()]);
    let home = lock(&HOME);
    receiver.chain(home.iter().map(AsRawFd::as_raw_fd)).collect()
}

/// In a forked child: the parent's receiver becomes the way home, and this process's own is made when it is needed.
pub(crate) fn after_fork() {
    let receiver = lock(&RECEIVER).take();
    if let Some(receiver) = receiver {
        keep_home(receiver.sender);
    }
}
