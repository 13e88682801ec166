//! The block that is used again: while one start follows another, as in most programs, it is the only one.
//!
//! Invariant: there is at most one, and one child at a time has it: the last that was started. It comes back once that child has ended and had published its
//! outcome: from then on nobody writes to it, since a copy of the child (by a plain `fork`) publishes nothing
//! (`outcome.rs`). What became of any other child is not known so well, and its block goes with it.
//!
//! It costs this process a descriptor and a page, from its first start on ([`own_descriptors`](crate::own_descriptors)). If this
//! process is killed, the kernel takes both back. A copy of this process by a plain `fork` has its maker's, and lets go of it.

use std::io;
use std::mem::forget;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::block::PAGE;
use crate::handle::lock;
use crate::sys::map::Mapping;
use crate::sys::{call, inherited, memfd};

/// A block's file, to hand to its child.
#[derive(Debug)]
pub(crate) enum BlockFile {
    /// The only descriptor of it here.
    Own(OwnedFd),
    /// Stays open.
    Kept(Arc<OwnedFd>),
}

impl AsFd for BlockFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Own(file) => file.as_fd(),
            Self::Kept(file) => file.as_fd(),
        }
    }
}

struct Kept {
    file: Arc<OwnedFd>,
    /// `None` while a child has it.
    free: Option<Mapping>,
    /// Tells it from those that were kept before, and that children still have.
    turn: u64,
    maker: u32,
}

static KEPT: Mutex<Option<Kept>> = Mutex::new(None);

static NEXT_TURN: AtomicU64 = AtomicU64::new(0);

/// The memory of a block.
pub(super) struct Memory {
    pub(super) file: BlockFile,
    pub(super) mapping: Mapping,
    /// Which of the kept ones it is; `None`: it is used once.
    pub(super) turn: Option<u64>,
}

/// The memory of a block of `length` bytes. Where the kept one is not free, a new one is kept from now on: the other's child may
/// have it for ever.
pub(super) fn take(length: usize) -> io::Result<Memory> {
    if length != PAGE {
        let (file, mapping) = make(length)?;
        let file = BlockFile::Own(file);
        let turn = None;
        return Ok(Memory { file, mapping, turn });
    }
    let maker = call::process_id();
    let mut place = lock(&KEPT);
    if let Some(kept) = place.as_mut().filter(|kept| kept.maker == maker)
        && let Some(mapping) = kept.free.take()
    {
        let file = BlockFile::Kept(kept.file.clone());
        let turn = Some(kept.turn);
        return Ok(Memory { file, mapping, turn });
    }
    let (file, mapping) = make(length)?;
    let file = Arc::new(file);
    // No two blocks have the same, ever.
    let turn = NEXT_TURN.fetch_add(1, Ordering::Relaxed);
    *place = Some(Kept {
        file: file.clone(),
        free: None,
        turn,
        maker,
    });
    let file = BlockFile::Kept(file);
    let turn = Some(turn);
    Ok(Memory { file, mapping, turn })
}

fn make(length: usize) -> io::Result<(OwnedFd, Mapping)> {
    let file = memfd::create("start-block", length)?;
    let mapping = Mapping::new(file.as_fd(), length)?;
    Ok((file, mapping))
}

/// Brings a block back. Nobody writes to it any more.
pub(super) fn put_back(turn: u64, mapping: Mapping) {
    if let Some(kept) = lock(&KEPT).as_mut().filter(|kept| kept.turn == turn) {
        kept.free = Some(mapping);
    }
}

/// Lets go of a block, if it is the kept one: the next start makes another.
pub(super) fn give_up(turn: u64) {
    lock(&KEPT).take_if(|kept| kept.turn == turn);
}

/// In a forked child with the block `own`: the kept block is its parent's.
#[inline]
pub(super) fn after_fork(own: &BlockFile) {
    let kept = lock(&KEPT).take();
    if let Some(kept) = kept {
        if !matches!(own, BlockFile::Kept(_)) {
            inherited::close(kept.file.as_raw_fd());
        }
        // Left alone, and not dropped: see `bootstrap::after_fork`.
        forget(kept);
    }
}

/// Its descriptor.
pub(crate) fn own_descriptors() -> Option<RawFd> {
    lock(&KEPT).as_ref().map(|kept| kept.file.as_raw_fd())
}
