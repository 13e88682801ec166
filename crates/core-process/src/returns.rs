//! The way home of descriptors that are part of a result: one socket pair for all children of a process.
//!
//! A result's bytes come back in the start block; descriptors need a socket, and one per child would double what a child costs
//! its parent. Each packet carries the token of its child's block, so packets of several children may lie side by side. A
//! child sends before it publishes, so a published result's descriptors are in the socket when its parent looks.
//!
//! The socket holds some hundred packets. A child that finds it full waits in `send`, so whoever waits for children takes
//! packets out meanwhile ([`drain`], called by `wait_any`): no child waits for another one's join.
//!
//! - A child dies before it sends: nothing was published either. After it sent and before it published: its packet is thrown
//!   away with its parent's last handle to it, as is that of a result that was never joined ([`discard`]).
//! - The parent has no number free for a packet's descriptors (`RLIMIT_NOFILE`): the packet stays where it is, the join that
//!   wanted it is an error, and can be repeated when there is room.

use std::collections::{HashMap, HashSet};
use std::io;
use std::mem::forget;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex};

use rustix::net::{AddressFamily, SocketFlags, SocketType};

use crate::handle::lock;
use crate::sys::{fd, fdpass, inherited};

struct Receiver {
    /// Shared with whoever is waiting for something to come.
    socket: Arc<OwnedFd>,
    /// The end that every child gets a copy of.
    sender: Arc<OwnedFd>,
    /// Packets that were taken out before their child was joined.
    unclaimed: HashMap<u64, Vec<OwnedFd>>,
    /// Tokens of packets that nobody will ask for, and that lie behind one that there is no room for.
    unwanted: HashSet<u64>,
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
            socket: Arc::new(socket),
            sender: Arc::new(sender),
            unclaimed: HashMap::new(),
            unwanted: HashSet::new(),
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

/// In a copy of a process that has taken its way home out of here before: it is the copy's, too.
#[inline]
pub(crate) fn keep_same_home(sender: &Arc<OwnedFd>) {
    let mut home = lock(&HOME);
    // Nothing is written where it is there already.
    if !home.as_ref().is_some_and(|home| Arc::ptr_eq(home, sender)) {
        *home = Some(sender.clone());
    }
}

/// In a child: that end.
pub(crate) fn home() -> Option<Arc<OwnedFd>> {
    lock(&HOME).clone()
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

impl Receiver {
    /// Takes one packet out of the socket. `false`: there is none.
    ///
    /// # Errors
    /// There is no room for its descriptors; it is the next one again.
    fn take_one(&mut self) -> io::Result<bool> {
        let mut bytes = [0; 8];
        let Some(length) = fdpass::peek_bytes(&*self.socket, &mut bytes)? else {
            return Ok(false);
        };
        let token = u64::from_ne_bytes(bytes);
        if length == bytes.len() && !self.unwanted.remove(&token) {
            let (_, descriptors) = fdpass::peek(&*self.socket, &mut bytes)?;
            self.unclaimed.insert(token, descriptors);
        }
        fdpass::skip(&*self.socket)?;
        Ok(true)
    }
}

/// In the parent: the descriptors that came with a token.
///
/// # Errors
/// `NotFound`: they did not come. Any other: there is no room for them, or for one that came before them; nothing is lost.
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
        if !receiver.take_one()? {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                "the result's descriptors did not come",
            ));
        }
    }
}

/// In the parent: closes the descriptors that came with a token, if any did. Its child has ended.
pub(crate) fn discard(token: u64) {
    let mut receiver = lock(&RECEIVER);
    let Some(receiver) = receiver.as_mut() else {
        return;
    };
    loop {
        if receiver.unclaimed.remove(&token).is_some() {
            return;
        }
        receiver.unwanted.insert(token);
        match receiver.take_one() {
            Ok(true) if receiver.unwanted.contains(&token) => {}
            Ok(true) => return,
            Ok(false) => {
                receiver.unwanted.remove(&token);
                return;
            }
            // It stays unwanted until there is room for those before it.
            Err(_) => return,
        }
    }
}

/// In the parent: what becomes readable when a packet has come; `None` while no child could send one.
pub(crate) fn incoming() -> Option<Arc<OwnedFd>> {
    lock(&RECEIVER).as_ref().map(|receiver| receiver.socket.clone())
}

/// In the parent: takes all packets out, so that no child waits for room. `false` where there is no room here.
pub(crate) fn drain() -> bool {
    let mut receiver = lock(&RECEIVER);
    let Some(receiver) = receiver.as_mut() else {
        return true;
    };
    loop {
        match receiver.take_one() {
            Ok(true) => {}
            Ok(false) => return true,
            Err(_) => return false,
        }
    }
}

/// The descriptors that this file keeps open in this process.
pub(crate) fn own_descriptors() -> Vec<i32> {
    let receiver = lock(&RECEIVER);
    let receiver = receiver
        .iter()
        .flat_map(|receiver| [receiver.socket.as_raw_fd(), receiver.sender.as_raw_fd()]);
    let home = lock(&HOME);
    receiver.chain(home.iter().map(AsRawFd::as_raw_fd)).collect()
}

/// In a forked child: the parent's receiver becomes the way home, and this process's own is made when it is needed.
#[inline]
pub(crate) fn after_fork() {
    let receiver = lock(&RECEIVER).take();
    if let Some(receiver) = receiver {
        let Receiver {
            socket,
            sender,
            unclaimed,
            unwanted,
        } = receiver;
        inherited::close(socket.as_raw_fd());
        let mut home = lock(&HOME);
        // Its parent's way home is not its own. A server's forks still need that.
        if let Some(parents) = home.as_ref().filter(|home| Arc::strong_count(home) == 1) {
            inherited::close(parents.as_raw_fd());
        }
        // All else is left alone, and not dropped: its memory is copied, and to free that would copy its pages.
        forget((home.replace(sender), socket, unclaimed, unwanted));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What no child of ours sends is thrown away, whatever its length; it does not stand in the way.
    #[test]
    fn a_packet_that_is_no_result_is_thrown_away() {
        let to = sender().unwrap();
        let token = crate::authkey::random_token();
        let file = std::fs::File::open("/dev/null").unwrap();
        fdpass::send(&to, b"1234567", &[file.as_fd()]).unwrap();
        fdpass::send(&to, b"123456789", &[file.as_fd()]).unwrap();
        fdpass::send(&to, &token.to_ne_bytes(), &[file.as_fd(), file.as_fd()]).unwrap();
        assert_eq!(take(token).unwrap().len(), 2);
        assert_eq!(take(token).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
