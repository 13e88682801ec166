//! `forkserver`: the server's side. It has one thread, ignores Ctrl-C, and forks a sibling for each request until its client
//! is gone.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::panic::{catch_unwind, set_hook, take_hook};
use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};

use super::{Launch, StartBlock, bootstrap};
use crate::exit::NoWayBack;
use crate::sys::fork::{Forked, ThreadRegistration, fork_sibling};
use crate::sys::{fdpass, signals, threads};
use crate::{Fd, Target, returns};

/// The bytes of a request; all else is in its descriptors.
pub(super) const REQUEST: &[u8] = b"fork";

/// Block, way home and three streams come before the arguments' descriptors.
const FIXED: usize = 5;

/// What becomes of a panic in a forkserver's preload function (CPython 3.15's `on_error`, row C11). A program built with
/// `panic = "abort"` has the first choice only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum PreloadPanic {
    /// The start that needed the server fails with [`StartError::ForkServer`](crate::StartError::ForkServer), which names it.
    #[default]
    Fail,
    /// It is reported on stderr, and the server serves without what was not loaded.
    Warn,
    /// As `Warn`, without a word.
    Ignore,
}

/// What the server says to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Answer {
    /// The child's pidfd comes beside this.
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
    loop {
        let mut request = [0; REQUEST.len()];
        match fdpass::recv(&socket, &mut request) {
            Ok((0, _)) => return,
            Ok((_, descriptors)) => {
                let (answer, pidfd) = fork_one(&thread, &socket, descriptors);
                let Ok(bytes) = postcard::to_stdvec(&answer) else {
                    return;
                };
                let pidfd: Vec<_> = pidfd.iter().map(AsFd::as_fd).collect();
                if fdpass::send(&socket, &bytes, &pidfd).is_err() {
                    return;
                }
            }
            // At the descriptor limit a request's descriptors are lost: its client is told.
            Err(error) => {
                let code = error.raw_os_error().unwrap_or(libc::EMFILE);
                let Ok(bytes) = postcard::to_stdvec(&Answer::Failed { code }) else {
                    return;
                };
                if fdpass::send(&socket, &bytes, &[]).is_err() {
                    return;
                }
            }
        }
    }
}

/// [`serve`] after a preload function.
pub(super) fn serve_preloaded<P, M>(socket: Fd<OwnedFd>, on_panic: PreloadPanic)
where
    P: Target<(), M, Output = ()>,
{
    let preload = || crate::target::instance::<P>().call(());
    match on_panic {
        PreloadPanic::Fail => preload(),
        PreloadPanic::Warn => drop(catch_unwind(preload)),
        PreloadPanic::Ignore => {
            let hook = take_hook();
            set_hook(Box::new(|_| {}));
            let _ = catch_unwind(preload);
            set_hook(hook);
        }
    }
    serve(socket);
}

/// Forks the child of one request. Does not return in the child.
fn fork_one(
    thread: &ThreadRegistration,
    socket: &OwnedFd,
    mut descriptors: Vec<OwnedFd>,
) -> (Answer, Option<OwnedFd>) {
    let failed = |code| (Answer::Failed { code }, None);
    if descriptors.len() < FIXED {
        return failed(libc::EINVAL);
    }
    match threads::count() {
        Ok(1) => {}
        Ok(threads) => {
            return (
                Answer::Threads {
                    threads: threads as u32,
                },
                None,
            );
        }
        Err(error) => return failed(error.raw_os_error().unwrap_or(libc::EIO)),
    }
    let arguments = descriptors.split_off(FIXED);
    let block = match StartBlock::open(&descriptors[0]) {
        Ok(block) => block,
        Err(error) => return failed(error.raw_os_error().unwrap_or(libc::EINVAL)),
    };
    // Written to once before: inside the call the page is writable already, and no fault can come between the kernel and it.
    block.pid().store(0, Ordering::Relaxed);
    match fork_sibling(thread, block.pid()) {
        Err(error) => failed(error.raw_os_error().unwrap_or(libc::EIO)),
        Ok(Forked::Parent((pid, pidfd))) => (Answer::Started { pid }, Some(pidfd)),
        Ok(Forked::Child) => become_child(block, socket, descriptors, arguments),
    }
}

fn become_child(
    block: StartBlock,
    socket: &OwnedFd,
    descriptors: Vec<OwnedFd>,
    arguments: Vec<OwnedFd>,
) -> ! {
    use crate::sys::inherited;
    let _no_way_back = NoWayBack;
    // The socket is a borrowed value of the server's; its number is given up for good.
    inherited::close(socket.as_raw_fd());
    let Some((launch, bytes)) = block.message() else {
        inherited::give_up()
    };
    let Ok(mut launch) = postcard::from_bytes::<Launch>(&launch) else {
        inherited::give_up()
    };
    let mut descriptors = descriptors.into_iter();
    let (Some(file), Some(home)) = (descriptors.next(), descriptors.next()) else {
        inherited::give_up()
    };
    bootstrap::after_fork(&mut launch, block.parent());
    returns::keep_home(home.into());
    let streams: Vec<OwnedFd> = descriptors.collect();
    let prepare = || {
        let sources = [0, 1, 2].map(|at: usize| streams.get(at).map(AsRawFd::as_raw_fd));
        let entered = bootstrap::enter(&launch, sources);
        drop(streams);
        entered
    };
    bootstrap::run_entry(block, file, &launch, prepare, &bytes, arguments)
}
