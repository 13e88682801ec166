//! `Loan` and `Borrowed`: a pooled segment in the hands of the one who fills it, and of the one who reads it.
//!
//! Invariant: at any time one of the two has it, and giving it on or back is one store in the word `TURN`. What is kept, and what is
//! used again, is `pool.rs`.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process;
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::sync::{Arc, Mutex};

use super::pool::{BYTES, Bounds, Kept, Shelves, TURN, here, put};

/// A segment that nobody else writes to, to be filled and lent. Dropped without that it goes back to its pool.
#[must_use = "dropped, the segment goes back to its pool"]
pub struct Loan {
    pub(super) kept: Arc<Kept>,
    pub(super) shelves: Arc<Mutex<Shelves>>,
    pub(super) bounds: Bounds,
    pub(super) pid: u32,
    pub(super) len: usize,
}

/// A segment that another process has lent. Dropped, it goes back.
#[must_use = "dropped, the segment goes back to whoever has lent it"]
pub struct Borrowed {
    pub(super) kept: Arc<Kept>,
    pub(super) turn: u64,
    pub(super) pid: u32,
    pub(super) len: usize,
}

impl Loan {
    /// The bytes that it was taken for.
    #[expect(
        clippy::len_without_is_empty,
        reason = "the length that was asked for, no content"
    )]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Copies `bytes` to the bytes from `offset` on.
    ///
    /// # Panics
    /// In the caller's line, if they do not lie inside.
    #[track_caller]
    pub fn write_bytes(&self, offset: usize, bytes: &[u8]) {
        inside(offset, bytes.len(), self.len);
        self.kept.segment.write_bytes(BYTES + offset, bytes);
    }

    /// Lends it: the descriptor is for whoever gets the message. From here on the segment is the borrower's.
    ///
    /// # Errors
    /// `EMFILE` if no descriptor is free.
    pub fn lend(self) -> io::Result<OwnedFd> {
        let descriptor = self.kept.segment.as_fd().try_clone_to_owned()?;
        let turn = self.kept.segment.atomic_u64(TURN);
        // Relaxed: the message of the kernel, by which the borrower gets it, orders.
        turn.store(turn.load(Relaxed) | 1, Relaxed);
        Ok(descriptor)
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        // A copy in a forked child is the parent's.
        if self.pid != process::id() {
            return;
        }
        here(&self.shelves, |shelves| {
            put(&mut shelves.own, &self.kept, self.bounds, |own| {
                // One that is out may never come back; else the one that was not used for longest.
                let is_out = |kept: &Arc<Kept>| !kept.turn().is_multiple_of(2);
                own.iter().position(is_out).unwrap_or(0)
            });
        });
    }
}

impl Borrowed {
    /// The bytes of the message.
    #[expect(
        clippy::len_without_is_empty,
        reason = "the length that was expected, no content"
    )]
    pub fn len(&self) -> usize {
        self.len
    }

    /// A copy of the `len` bytes from `offset` on.
    ///
    /// # Panics
    /// In the caller's line, if they do not lie inside.
    #[track_caller]
    pub fn read_bytes(&self, offset: usize, len: usize) -> Vec<u8> {
        inside(offset, len, self.len);
        self.kept.segment.read_bytes(BYTES + offset, len)
    }

    /// Copies the bytes from `offset` on into `to`.
    ///
    /// # Panics
    /// In the caller's line, if they do not lie inside.
    #[track_caller]
    pub fn copy_to(&self, offset: usize, to: &mut [u8]) {
        inside(offset, to.len(), self.len);
        self.kept.segment.copy_to(BYTES + offset, to);
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        // A copy in a forked child has borrowed nothing.
        if self.pid != process::id() {
            return;
        }
        let turn = self.kept.segment.atomic_u64(TURN);
        // Release: pairs with the Acquire in `Kept::turn`. An exchange: a loan is given back once, whoever else has got the descriptor.
        let _ = turn.compare_exchange(self.turn, self.turn.wrapping_add(1), Release, Relaxed);
    }
}

#[track_caller]
fn inside(offset: usize, len: usize, whole: usize) {
    assert!(
        offset.checked_add(len).is_some_and(|end| end <= whole),
        "{len} bytes at {offset} do not lie in a message of {whole} bytes"
    );
}

impl fmt::Debug for Loan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loan")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Borrowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Borrowed")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}
