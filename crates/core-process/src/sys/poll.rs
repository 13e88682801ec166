//! Waiting until one of some descriptors is ready, and the descriptor that somebody makes ready by hand.
//!
//! Invariant: a signal that is handled meanwhile neither ends nor prolongs the wait.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::{Errno, retry_on_intr, write};

use super::fd::above_standard;

/// Waits until one of `descriptors` is ready or `deadline` has passed; how many are ready.
/// Looks at them once even if the deadline has passed already.
pub(crate) fn poll_until(descriptors: &mut [PollFd<'_>], deadline: Option<Instant>) -> Result<usize, Errno> {
    loop {
        // A time too far away for a `timespec` is for ever.
        let left = deadline.and_then(|deadline| {
            let left = deadline.saturating_duration_since(Instant::now());
            Timespec::try_from(left).ok()
        });
        match poll(descriptors, left.as_ref()) {
            Err(Errno::INTR) => {}
            other => return other,
        }
    }
}

/// Whether `descriptor` can be read without waiting.
pub(crate) fn is_readable(descriptor: impl AsFd) -> Result<bool, Errno> {
    let mut one = [PollFd::from_borrowed_fd(descriptor.as_fd(), PollFlags::IN)];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    Ok(retry_on_intr(|| poll(&mut one, Some(&now)))? > 0)
}

/// A descriptor that becomes readable when it is raised, and stays so.
pub(crate) fn flag() -> io::Result<OwnedFd> {
    above_standard(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?)
}

/// Makes a flag readable. One system call; allowed in a signal handler.
pub(crate) fn raise(flag: impl AsFd) {
    // The only failure that an eventfd has is a counter that is full: it is raised then.
    let _ = retry_on_intr(|| write(&flag, &1u64.to_ne_bytes()));
}
