//! `forkserver`: the server's side. It has one thread, ignores Ctrl-C, and forks a sibling for each request until its client
//! is gone.

use std::cell::Cell;
use std::io::Write;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};

use super::{BlockFile, Launch, StartBlock, bootstrap, go, take_all};
use crate::exit::NoWayBack;
use crate::sys::affinity::Affinity;
use crate::sys::fork::{Sibling, ThreadRegistration, fork_sibling};
use crate::sys::parent_death::{self, Handler};
use crate::sys::{fdpass, inherited, signals, threads};
use crate::{Fd, current, returns};

/// A request. All else is in the descriptors that come with it (the block's, if it comes, the streams' that come, the arguments'), and in
/// its affinity, if that comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) block: Block,
    /// For each standard stream whether it comes along; if not, it is the server's own.
    pub(super) streams: [bool; 3],
    /// The server was called to its client's processor, and may stay there: the affinity is the child's alone. Otherwise it is the
    /// server's, and its forks', from now on.
    pub(super) is_called: bool,
}

/// Which block is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Block {
    /// It comes along, for this child only.
    Once = 0,
    /// It comes along, and stays with the server.
    Again = 1,
    /// The one that stayed.
    Same = 2,
}

impl Request {
    const LENGTH: usize = 5;
    /// No request is longer.
    pub(super) const MOST: usize = Self::LENGTH + Affinity::MOST_BYTES;

    /// The request's bytes, at the beginning of `place`.
    pub(super) fn encode<'a>(self, affinity: Option<&Affinity>, place: &'a mut [u8; Self::MOST]) -> &'a [u8] {
        let [stdin, stdout, stderr] = self.streams.map(u8::from);
        let (head, rest) = place.split_at_mut(Self::LENGTH);
        head.copy_from_slice(&[self.block as u8, stdin, stdout, stderr, u8::from(self.is_called)]);
        let affinity = affinity.map_or(&[][..], Affinity::as_bytes);
        rest[..affinity.len()].copy_from_slice(affinity);
        &place[..Self::LENGTH + affinity.len()]
    }

    fn decode(bytes: &[u8]) -> Option<(Self, Option<Affinity>)> {
        let (&[block, stdin, stdout, stderr, called], affinity) = bytes.split_first_chunk()?;
        let block = match block {
            0 => Block::Once,
            1 => Block::Again,
            2 => Block::Same,
            _ => return None,
        };
        let streams = [stdin, stdout, stderr].map(|sent| sent != 0);
        let affinity = Affinity::from_bytes(affinity).filter(|_| !affinity.is_empty());
        let request = Self {
            block,
            streams,
            is_called: called != 0,
        };
        Some((request, affinity))
    }
}

/// What the server says to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Answer {
    /// The child's pidfd comes beside this; without one, the child waits for its parent's word (`go`).
    Started { pid: u32 },
    /// It has more than one thread and must not fork.
    Threads { threads: u32 },
    /// A system call failed.
    Failed { code: i32 },
}

impl Answer {
    /// No answer is longer.
    pub(super) const LENGTH: usize = 16;

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}

/// The target of the server's process.
pub(super) fn serve(socket: Fd<OwnedFd>) {
    signals::block_interrupt();
    let socket = socket.into_inner();
    let Ok(thread) = ThreadRegistration::of_this_thread() else {
        return;
    };
    // A null stdin does not come with a request. The server began with one, so that a failure (no descriptor is free) matters
    // only where a preload function has put something else there.
    let _ = inherited::make_stdin_null();
    // Made ready here, once, and not in each child.
    let _ = std::io::stdout().flush();
    let server = Server {
        thread,
        socket,
        is_alone: Cell::new(false),
        home: returns::home(),
        stayed: Cell::new(None),
        leftover: Cell::new(None),
    };
    loop {
        let mut request = [0; Request::MOST];
        let forked = match fdpass::recv(&server.socket, &mut request) {
            Ok((0, _)) => return,
            Ok((length, descriptors)) => server.fork_one(&request[..length], descriptors),
            // At the descriptor limit a request's descriptors are lost: its client is told.
            Err(error) => Forked::failed(error.raw_os_error().unwrap_or(libc::EMFILE)),
        };
        let mut bytes = [0; Answer::LENGTH];
        let Ok(bytes) = postcard::to_slice(&forked.answer, &mut bytes) else {
            return;
        };
        let pidfd = forked.pidfd.as_ref().map(AsFd::as_fd);
        if fdpass::send(&server.socket, bytes, pidfd.as_slice()).is_err() {
            return;
        }
        server.put_aside(forked);
    }
}

/// Of the arguments' bytes, that may wait for the next request to be freed.
const SMALL: usize = 64 * 1024;

/// What a server's forks need.
struct Server {
    thread: ThreadRegistration,
    socket: OwnedFd,
    /// Whether its thread was seen to be the only one. It stays so, since only a thread starts threads, and this one does not.
    is_alone: Cell<bool>,
    /// Where the results' descriptors of its client's children go: its own way home, since it is such a child.
    home: Option<Arc<OwnedFd>>,
    /// The block that its client uses again, from the request before.
    stayed: Cell<Option<(StartBlock, BlockFile)>>,
    /// What the request before has left to be freed.
    leftover: Cell<Option<Order>>,
}

/// What came of a request.
struct Forked {
    answer: Answer,
    pidfd: Option<OwnedFd>,
    /// Let go of after the answer, so that nobody waits for that.
    used_up: Option<(Order, Option<(StartBlock, BlockFile)>)>,
}

impl Forked {
    fn failed(code: i32) -> Self {
        Self {
            answer: Answer::Failed { code },
            pidfd: None,
            used_up: None,
        }
    }
}

/// A request that was understood. It is read before the fork, since the first allocation of a forked child is dear.
struct Order {
    launch: Launch,
    bytes: Vec<u8>,
    streams: [Option<OwnedFd>; 3],
    arguments: Vec<OwnedFd>,
}

impl Order {
    /// With the child's block. `None`, and every descriptor closed, where the request is not one of ours.
    fn read(
        request: Request,
        descriptors: Vec<OwnedFd>,
        stayed: Option<(StartBlock, BlockFile)>,
    ) -> Option<(Self, StartBlock, BlockFile)> {
        let mut descriptors = descriptors.into_iter();
        let (block, file) = match (request.block, stayed) {
            (Block::Same, Some((block, file))) => (block.reopen().ok()?, file),
            (Block::Same, None) => return None,
            (Block::Once | Block::Again, _) => {
                let file = descriptors.next()?;
                (StartBlock::open(&file).ok()?, BlockFile::Own(file))
            }
        };
        let mut streams = [const { None }; 3];
        for (stream, sent) in streams.iter_mut().zip(request.streams) {
            if sent {
                *stream = Some(descriptors.next()?);
            }
        }
        let (launch, bytes) = block.message()?;
        let launch = postcard::from_bytes(&launch).ok()?;
        let order = Self {
            launch,
            bytes,
            streams,
            arguments: descriptors.collect(),
        };
        Some((order, block, file))
    }
}

impl Server {
    /// After the answer: closes what belongs to the child alone, and frees nothing yet. The memory is the child's too since the fork, so
    /// each page of it that this process writes to is copied, and the child may be waiting for this processor. Before the next
    /// fork they are written to anyway.
    fn put_aside(&self, forked: Forked) {
        if let Some((mut order, _block)) = forked.used_up {
            order.streams = [const { None }; 3];
            order.arguments.clear();
            // What is large goes back to the system, and not to a page of this process's own.
            if order.bytes.len() <= SMALL {
                self.leftover.set(Some(order));
            }
        }
    }

    /// Forks the child of one request. Does not return in the child. Not `inline`: the child writes to the stack from here on, and
    /// what lies above (buffers) would take it over the edge of a page.
    #[inline(never)]
    fn fork_one(&self, request: &[u8], descriptors: Vec<OwnedFd>) -> Forked {
        let threads = if self.is_alone.get() {
            Ok(1)
        } else {
            threads::count()
        };
        match threads {
            Ok(1) => self.is_alone.set(true),
            Ok(threads) => {
                return Forked {
                    answer: Answer::Threads {
                        threads: threads as u32,
                    },
                    pidfd: None,
                    used_up: None,
                };
            }
            Err(error) => return Forked::failed(error.raw_os_error().unwrap_or(libc::EIO)),
        }
        let Some((request, affinity)) = Request::decode(request) else {
            return Forked::failed(libc::EINVAL);
        };
        let childs_own = affinity.filter(|_| request.is_called);
        if let (Some(affinity), None) = (affinity, childs_own) {
            affinity.set_here();
        }
        let stayed = match request.block {
            // One that is used once leaves it where it is.
            Block::Once => None,
            Block::Again | Block::Same => self.stayed.take(),
        };
        let Some((mut order, block, file)) = Order::read(request, descriptors, stayed) else {
            return Forked::failed(libc::EINVAL);
        };
        drop(self.leftover.take());
        let handler = parent_death::prepare();
        // Written to once before: inside the call the page is writable already, and no fault can come between the kernel and it.
        block.pid().store(0, Ordering::Relaxed);
        current::describe_copy(&mut order.launch, block.header.parent);
        let forked = fork_sibling(&self.thread, block.pid());
        // What describes the copy stays until there is another: see `put_aside`.
        match forked {
            Err(error) => Forked::failed(error.raw_os_error().unwrap_or(libc::EIO)),
            Ok(Sibling::Us { pid, pidfd }) => {
                let block = if request.block == Block::Once {
                    Some((block, file))
                } else {
                    self.stayed.set(Some((block, file)));
                    None
                };
                Forked {
                    answer: Answer::Started { pid },
                    pidfd,
                    used_up: Some((order, block)),
                }
            }
            Ok(new @ (Sibling::New | Sibling::NewWithoutPidfd)) => {
                if let Some(affinity) = childs_own {
                    affinity.set_here();
                }
                if matches!(new, Sibling::NewWithoutPidfd) {
                    go::wait(&block);
                }
                self.become_child(&mut order, block, file, handler)
            }
        }
    }

    /// The order is used where it lies: see `fork.rs`.
    #[inline]
    fn become_child(&self, order: &mut Order, block: StartBlock, file: BlockFile, handler: Handler) -> ! {
        let _no_way_back = NoWayBack;
        // The socket is a borrowed value of the server's; its number is given up for good.
        inherited::close(self.socket.as_raw_fd());
        if let Some((_, another)) = self.stayed.take().map(ManuallyDrop::new).as_deref() {
            inherited::close(another.as_fd().as_raw_fd());
        }
        bootstrap::after_fork(&order.launch, &block, &file, handler);
        if let Some(home) = &self.home {
            returns::keep_same_home(home);
        }
        let [stdin, stdout, stderr] = &order.streams;
        let number = |stream: &Option<OwnedFd>| stream.as_ref().map(AsRawFd::as_raw_fd);
        let sources = [number(stdin), number(stdout), number(stderr)];
        let launch = &order.launch;
        let prepare = || {
            let entered = bootstrap::enter(launch, sources);
            for number in sources.into_iter().flatten() {
                inherited::close(number);
            }
            entered
        };
        let arguments = take_all(&mut order.arguments);
        bootstrap::run_entry(block, file, launch, prepare, &order.bytes, arguments)
    }
}
