//! The keeper of a process's names: a small process that removes what is left of them when their owner is gone.
//!
//! It is started with the first name. It has a session of its own, so a signal to the owner's group does not reach it, and it ends with its
//! owner: by the owner's normal end, which ends it, or when it sees that the owner has died, and has removed the names.
//! Invariant: the keeper has been told of a name before the name is there. What it is told lies in its socket, so it learns of it also
//! when the owner has died meanwhile.
//! A program that never called `init()` has no keeper, since it cannot start one; the lease is left to it.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::{Mutex, OnceLock};

use rustix::event::{PollFd, PollFlags};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair};

use crate::handle::lock;
use crate::process::ParentDeath;
use crate::{Child, Fd, Process, StartMethod, Stdio, at_exit, parent};

/// The names of this process, and who keeps them.
#[derive(Default)]
struct Names {
    /// A forked child has a copy of its parent's, which are not its own.
    of: u32,
    names: Vec<(String, u64)>,
    keeper: Option<Keeper>,
}

struct Keeper {
    process: Child<()>,
    socket: OwnedFd,
}

static NAMES: Mutex<Names> = Mutex::new(Names {
    of: 0,
    names: Vec::new(),
    keeper: None,
});

const ADDED: u8 = b'+';
const FORGOTTEN: u8 = b'-';

/// Has a name kept that is about to be made.
pub(super) fn add(name: &str, inode: u64) {
    let mut known = lock(&NAMES);
    let known = own(&mut known);
    if known.names.is_empty() {
        static HOOK: OnceLock<u32> = OnceLock::new();
        let _ = HOOK.get_or_init(|| {
            at_exit(remove_all);
            std::process::id()
        });
    }
    known.names.push((name.to_owned(), inode));
    let told = known
        .keeper
        .as_ref()
        .is_some_and(|keeper| keeper.tell(ADDED, name, inode));
    if !told {
        // There is none yet, or it was killed. Without one the lease remains.
        known.keeper = Keeper::start();
        if let Some(keeper) = &known.keeper {
            for (name, inode) in &known.names {
                keeper.tell(ADDED, name, *inode);
            }
        }
    }
}

/// Says that a name is gone, or was not made.
pub(super) fn forget(name: &str, inode: u64) {
    let mut known = lock(&NAMES);
    let known = own(&mut known);
    let before = known.names.len();
    known
        .names
        .retain(|(of, number)| (of.as_str(), *number) != (name, inode));
    if let Some(keeper) = known.keeper.as_ref().filter(|_| known.names.len() < before) {
        keeper.tell(FORGOTTEN, name, inode);
    }
}

/// The names of this process and of no other.
fn own(known: &mut Names) -> &mut Names {
    if known.of != std::process::id() {
        let parents = std::mem::take(known);
        if let Some(keeper) = parents.keeper {
            // Its handle is the parent's; this process's copy of the socket is closed.
            std::mem::forget(keeper.process);
            drop(keeper.socket);
        }
        known.of = std::process::id();
    }
    known
}

/// At the normal end of the owner: what is in a `static`, or was forgotten.
fn remove_all() {
    let names = {
        let mut known = lock(&NAMES);
        std::mem::take(&mut own(&mut known).names)
    };
    for (name, inode) in names {
        drop(super::remove(&name, inode));
    }
}

impl Keeper {
    fn start() -> Option<Self> {
        let (ours, theirs) = socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )
        .ok()?;
        let ours = crate::sys::fd::above_standard(ours).ok()?;
        let process = Process::new(keep, Fd::from(theirs))
            .name("name keeper")
            .method(StartMethod::Spawn)
            .on_parent_death(ParentDeath::Continue)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .start_helper()
            .ok()?;
        let keeper = Self {
            process,
            socket: ours,
        };
        keeper.is_ready().then_some(keeper)
    }

    /// Waits until it has a session of its own, or has ended.
    fn is_ready(&self) -> bool {
        loop {
            let mut poll = [
                PollFd::new(&self.socket, PollFlags::IN),
                PollFd::from_borrowed_fd(self.process.as_fd(), PollFlags::IN),
            ];
            match rustix::event::poll(&mut poll, None) {
                Err(rustix::io::Errno::INTR) => continue,
                Err(_) => return false,
                Ok(_) => break,
            }
        }
        matches!(
            recv(&self.socket, &mut [0; 1][..], RecvFlags::DONTWAIT),
            Ok((1, _))
        )
    }

    /// Whether it will know, whatever becomes of this process.
    fn tell(&self, what: u8, name: &str, inode: u64) -> bool {
        let mut message = vec![what];
        message.extend(inode.to_le_bytes());
        message.extend(name.as_bytes());
        loop {
            match send(&self.socket, &message, SendFlags::NOSIGNAL) {
                Err(rustix::io::Errno::INTR) => continue,
                sent => return sent.is_ok(),
            }
        }
    }
}

/// The keeper itself.
fn keep(socket: Fd<OwnedFd>) {
    // A signal to the owner's group or terminal is not for the one that is to outlive it.
    let _ = rustix::process::setsid();
    let owner = parent();
    let _ = send(&*socket, b"r", SendFlags::NOSIGNAL);
    let mut names: Vec<(String, u64)> = Vec::new();
    let mut message = [0; 512];
    let mut is_owner_gone = false;
    loop {
        match recv(&*socket, &mut message[..], RecvFlags::DONTWAIT) {
            Err(rustix::io::Errno::INTR) => {}
            Ok((0, _)) => break,
            Ok((length, _)) => take_in(&mut names, &message[..length]),
            Err(rustix::io::Errno::AGAIN) if !is_owner_gone => {
                let mut poll = vec![PollFd::new(&*socket, PollFlags::IN)];
                let pidfd = owner.as_ref().and_then(crate::Parent::pidfd);
                poll.extend(pidfd.map(|pidfd| PollFd::from_borrowed_fd(pidfd, PollFlags::IN)));
                let _ = rustix::event::poll(&mut poll, None);
                // Once more through what it has told before.
                is_owner_gone = poll.get(1).is_some_and(|owner| !owner.revents().is_empty());
            }
            Err(_) => break,
        }
    }
    for (name, inode) in names {
        drop(super::remove(&name, inode));
    }
}

fn take_in(names: &mut Vec<(String, u64)>, message: &[u8]) {
    let Some((what, rest)) = message.split_first() else {
        return;
    };
    let Some((inode, name)) = rest.split_first_chunk::<8>() else {
        return;
    };
    let Ok(name) = std::str::from_utf8(name) else {
        return;
    };
    let known = (name.to_owned(), u64::from_le_bytes(*inode));
    names.retain(|other| *other != known);
    if *what == ADDED {
        names.push(known);
    }
}

/// The keeper's socket and pidfd.
pub(crate) fn own_descriptors() -> Vec<i32> {
    let known = lock(&NAMES);
    known
        .keeper
        .iter()
        .flat_map(|keeper| [keeper.socket.as_raw_fd(), keeper.process.as_fd().as_raw_fd()])
        .collect()
}
