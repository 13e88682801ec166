//! `Loan` and `Borrowed`: a pooled segment in the hands of the one who fills it, and of the one who reads it.
//!
//! Invariant: at any time one of the two has it, and giving it on or back is one store in the word `TURN`. What is kept, and what is
//! used again, is `pool.rs`.
#![allow(unsafe_code, reason = "refers to bytes in mapped memory")]

use std::fmt;
use std::io;
use std::ops::{Deref, DerefMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process;
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::sync::{Arc, Mutex};

use super::pool::{BYTES, Bounds, Kept, Shelves, TURN, here, put};

/// A segment that nobody else writes to, to be filled and lent. Dropped without that it goes back to its pool.
///
/// It derefs to the bytes that it was taken for, to be written in place; at first they are whatever the last message in this memory has left.
#[must_use = "dropped, the segment goes back to its pool"]
pub struct Loan {
    pub(super) kept: Arc<Kept>,
    pub(super) shelves: Arc<Mutex<Shelves>>,
    pub(super) bounds: Bounds,
    pub(super) pid: u32,
    pub(super) len: usize,
}

/// A segment that another process has lent. Dropped, it goes back.
///
/// It derefs to the bytes of the message, to be read in place.
///
/// # What borrowing means
/// The memory is the lender's, too. The lender's pool writes there again only after this has been dropped; but a lender that writes past its pool
/// can change the bytes while they are read, as it can with every memory that is shared. So bytes of a peer that is not trusted are copied
/// ([`read_bytes`](Self::read_bytes), [`copy_to`](Self::copy_to)) and looked at after that.
#[must_use = "dropped, the segment goes back to whoever has lent it"]
pub struct Borrowed {
    bytes: Bytes,
    len: usize,
}

enum Bytes {
    Lent { kept: Arc<Kept>, turn: u64, pid: u32 },
    Own(Vec<u8>),
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

    /// Lends it to whoever gets the message that `send` sends with the descriptor. If that fails, it stays with its pool.
    ///
    /// # Errors
    /// Those of `send`, with the loan, which can be lent again.
    pub fn lend_by<E>(self, send: impl FnOnce(BorrowedFd<'_>) -> Result<(), E>) -> Result<(), (E, Self)> {
        let turn = self.kept.segment.atomic_u64(TURN);
        let lent = turn.load(Relaxed) | 1;
        // Relaxed: the message of the kernel, by which the borrower gets it, orders.
        turn.store(lent, Relaxed);
        match send(self.kept.segment.as_fd()) {
            Ok(()) => Ok(()),
            Err(error) => {
                turn.store(lent.wrapping_add(1), Relaxed);
                Err((error, self))
            }
        }
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

impl Deref for Loan {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let start = self.kept.segment.as_ptr().wrapping_add(BYTES);
        // SAFETY: `len` bytes lie there, mapped as long as `kept`. Nobody else writes to them: no borrower is left, and the pool has given
        // this segment to nobody but this loan.
        unsafe { std::slice::from_raw_parts(start, self.len) }
    }
}

impl DerefMut for Loan {
    fn deref_mut(&mut self) -> &mut [u8] {
        let start = self.kept.segment.as_ptr().wrapping_add(BYTES);
        // SAFETY: as in `deref`, and nobody else reads them; `&mut self` is the only way to them in this process.
        unsafe { std::slice::from_raw_parts_mut(start, self.len) }
    }
}

impl Borrowed {
    pub(super) fn lent(kept: Arc<Kept>, turn: u64, len: usize) -> Self {
        let pid = process::id();
        Self {
            bytes: Bytes::Lent { kept, turn, pid },
            len,
        }
    }

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
        match &self.bytes {
            Bytes::Lent { kept, .. } => kept.segment.read_bytes(BYTES + offset, len),
            Bytes::Own(bytes) => bytes[offset..][..len].to_vec(),
        }
    }

    /// Copies the bytes from `offset` on into `to`.
    ///
    /// # Panics
    /// In the caller's line, if they do not lie inside.
    #[track_caller]
    pub fn copy_to(&self, offset: usize, to: &mut [u8]) {
        inside(offset, to.len(), self.len);
        match &self.bytes {
            Bytes::Lent { kept, .. } => kept.segment.copy_to(BYTES + offset, to),
            Bytes::Own(bytes) => to.copy_from_slice(&bytes[offset..][..to.len()]),
        }
    }
}

/// Bytes that came in another way, and are this process's alone: nothing to give back.
impl From<Vec<u8>> for Borrowed {
    fn from(bytes: Vec<u8>) -> Self {
        let len = bytes.len();
        Self {
            bytes: Bytes::Own(bytes),
            len,
        }
    }
}

impl Deref for Borrowed {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Lent { kept, .. } => {
                let start = kept.segment.as_ptr().wrapping_add(BYTES);
                // SAFETY: `len` bytes lie there, mapped as long as `kept`: the pool has compared. Nobody writes to them until this is
                // dropped, by the agreement of all that use a pool, and who breaks it is named above.
                unsafe { std::slice::from_raw_parts(start, self.len) }
            }
            Bytes::Own(bytes) => bytes,
        }
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        let Bytes::Lent {
            kept,
            turn: lent,
            pid,
        } = &self.bytes
        else {
            return;
        };
        // A copy in a forked child has borrowed nothing.
        if *pid != process::id() {
            return;
        }
        let turn = kept.segment.atomic_u64(TURN);
        // Release: pairs with the Acquire in `Kept::turn`. An exchange: a loan is given back once, whoever else has got the descriptor.
        let _ = turn.compare_exchange(*lent, lent.wrapping_add(1), Release, Relaxed);
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
