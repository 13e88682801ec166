//! The start block: one page (or more) of shared memory between a parent and one child, which carries the launch in and
//! the outcome back. The parent keeps the mapping alone, the child the descriptor, so a child costs its parent one
//! descriptor: the pidfd.
//!
//! ```text
//! word     written by            when
//! state    parent: Empty         before the child exists
//!          child:  Claimed       once it has the launch (init was reached)
//!          child:  one of the others      after the outcome's bytes, with Release
//! pid      kernel (forkserver)   inside clone3, before the child runs
//! payload  parent: the launch; child, after Claimed: the outcome, over it
//! ```
//!
//! If the child dies before `Claimed`, the parent reads `Empty` after the pidfd fired: it never reached `init`. If it dies
//! before the last store, the parent reads `Claimed`: its status tells why. If it dies after it, the outcome is whole.
//! If the parent dies, the memory goes with the last of the two. The parent reads the outcome after the child's death
//! only. What it reserved itself cannot be taken away; beyond that it reads nothing from a page that was not populated
//! first (`Mapping::extend`), so a child that lies about a length gets an error, not a SIGBUS. A survivor of the child (a copy
//! by a plain `fork`) may write at any time: each word is fetched once, the outcome is copied before it is decoded, and what
//! the parent wrote ([`Header`]) it never reads back.

use std::io;
use std::mem::{offset_of, take};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::kept::{self, BlockFile, Memory};
use crate::sys::map::Mapping;
use crate::sys::memfd;

const MAGIC: u64 = u64::from_le_bytes(*b"startblk");
const VERSION: u32 = 1;
/// A block is one page, unless its launch is longer.
pub(super) const PAGE: usize = 4096;
/// Where launch and outcome begin.
const PAYLOAD: usize = 128;

/// How far a child came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum State {
    Empty = 0,
    Claimed = 1,
    Returned = 2,
    Panicked = 3,
    ArgumentFailed = 4,
    ResultFailed = 5,
    SetupFailed = 6,
}

impl State {
    fn of(word: u32) -> Option<Self> {
        [
            Self::Empty,
            Self::Claimed,
            Self::Returned,
            Self::Panicked,
            Self::ArgumentFailed,
            Self::ResultFailed,
            Self::SetupFailed,
        ]
        .into_iter()
        .find(|state| *state as u32 == word)
    }
}

/// Where each word lies. It is never made, nor is a reference to it.
#[repr(C)]
struct Words {
    magic: u64,
    version: u32,
    state: u32,
    /// The child's pid, where the kernel writes it for us.
    pid: u32,
    /// Set by the parent once it holds the pidfd of a child that waits for that.
    go: u32,
    parent: u32,
    descriptors: u32,
    entry: u64,
    build_id: [u8; 20],
    /// Length of the launch message, at the beginning of the payload.
    launch: u32,
    /// Length of the encoded arguments, behind it.
    arguments: u64,
    /// Length of the outcome, and the number of descriptors sent beside it.
    outcome: u64,
    outcome_descriptors: u32,
    token: u64,
}

const _: () = assert!(size_of::<Words>() <= PAYLOAD);

/// What both sides know from the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Who may use this block.
    pub(crate) parent: u32,
    /// How many descriptors belong to the arguments.
    pub(crate) descriptors: u32,
    /// Offset of the entry function in the main image.
    pub(crate) entry: u64,
    pub(crate) build_id: [u8; 20],
    /// Tells this child's packet of descriptors from another's.
    pub(crate) token: u64,
}

/// What the parent writes down for the child to find.
pub(crate) struct Contents<'a> {
    pub(crate) header: Header,
    pub(crate) launch: &'a [u8],
    pub(crate) arguments: &'a [u8],
}

/// One side's view of a start block.
#[derive(Debug)]
pub(crate) struct StartBlock {
    mapping: Mapping,
    pub(crate) header: Header,
    /// Parent: which of the blocks it is that are used again, if it is one.
    turn: Option<u64>,
}

impl StartBlock {
    /// The parent's side: a filled block, and the descriptor that the child gets.
    pub(crate) fn create(contents: &Contents<'_>) -> io::Result<(Self, BlockFile)> {
        let (header, launch) = (contents.header, contents.launch);
        let needed = PAYLOAD + launch.len() + contents.arguments.len();
        let length = needed.next_multiple_of(PAGE);
        let Memory { file, mapping, turn } = kept::take(length)?;
        let block = Self {
            mapping,
            header,
            turn,
        };
        // Relaxed, all of them: nobody else has the file yet, or has it still. What is not written is 0.
        let long = |at, value| block.long(at).store(value, Ordering::Relaxed);
        let word = |at, value| block.word(at).store(value, Ordering::Relaxed);
        long(offset_of!(Words, magic), MAGIC);
        word(offset_of!(Words, version), VERSION);
        word(offset_of!(Words, parent), header.parent);
        word(offset_of!(Words, descriptors), header.descriptors);
        long(offset_of!(Words, entry), header.entry);
        block.mapping.write(offset_of!(Words, build_id), &header.build_id);
        word(offset_of!(Words, launch), launch.len() as u32);
        long(offset_of!(Words, arguments), contents.arguments.len() as u64);
        long(offset_of!(Words, token), header.token);
        block.mapping.write(PAYLOAD, launch);
        block.mapping.write(PAYLOAD + launch.len(), contents.arguments);
        Ok((block, file))
    }

    /// The child's side. Fails where the descriptor is no start block.
    pub(crate) fn open(file: impl AsFd) -> io::Result<Self> {
        let file = file.as_fd();
        let refused = || io::Error::new(io::ErrorKind::InvalidData, "not a start block");
        if !memfd::is_sealed(file) {
            return Err(refused());
        }
        let length = memfd::length(file)?;
        if length < PAGE {
            return Err(refused());
        }
        Self::read(Mapping::new(file, length)?)
    }

    /// A block that this process has mapped, with what it says now.
    pub(crate) fn reopen(self) -> io::Result<Self> {
        Self::read(self.mapping)
    }

    fn read(mapping: Mapping) -> io::Result<Self> {
        let refused = || io::Error::new(io::ErrorKind::InvalidData, "not a start block");
        // Relaxed, all of them: they were written before this process was made, or was told of them.
        let long = |at| mapping.atomic_u64(at).load(Ordering::Relaxed);
        let word = |at| mapping.atomic_u32(at).load(Ordering::Relaxed);
        if long(offset_of!(Words, magic)) != MAGIC || word(offset_of!(Words, version)) != VERSION {
            return Err(refused());
        }
        let mut header = Header {
            parent: word(offset_of!(Words, parent)),
            descriptors: word(offset_of!(Words, descriptors)),
            entry: long(offset_of!(Words, entry)),
            build_id: [0; 20],
            token: long(offset_of!(Words, token)),
        };
        mapping.read(offset_of!(Words, build_id), &mut header.build_id);
        Ok(Self {
            mapping,
            header,
            turn: None,
        })
    }

    /// Parent: which of the blocks it is that are used again, if it is one.
    pub(crate) fn turn(&self) -> Option<u64> {
        self.turn
    }

    /// Parent, after the child's end: nobody asks for the outcome any more, and the block may be used again if it is the one that
    /// is.
    pub(crate) fn retire(&mut self) {
        let Some(turn) = self.turn.take() else {
            return;
        };
        let outcome = self.long(offset_of!(Words, outcome));
        // A large one has made the file grow, and so may have one that failed.
        let is_small = outcome.load(Ordering::Relaxed) <= (PAGE - PAYLOAD) as u64;
        if self.state() != Some(State::Returned) || !is_small || self.mapping.len() != PAGE {
            let end = outcome.load(Ordering::Relaxed).saturating_add(PAYLOAD as u64);
            // A forkserver has it in its hand until it gets another: that must not be more than a page.
            let end = usize::try_from(end)
                .ok()
                .and_then(|end| end.checked_next_multiple_of(PAGE));
            if end.is_some_and(|end| self.mapping.extend(end).is_ok()) {
                self.mapping.give_back_from(PAGE);
            }
            return kept::give_up(turn);
        }
        outcome.store(0, Ordering::Relaxed);
        for at in [
            offset_of!(Words, state),
            offset_of!(Words, pid),
            offset_of!(Words, go),
        ] {
            // Relaxed: nobody else looks.
            self.word(at).store(0, Ordering::Relaxed);
        }
        self.outcome_descriptors().store(0, Ordering::Relaxed);
        kept::put_back(turn, take(&mut self.mapping));
    }

    #[inline]
    fn word(&self, at: usize) -> &AtomicU32 {
        self.mapping.atomic_u32(at)
    }

    #[inline]
    fn long(&self, at: usize) -> &AtomicU64 {
        self.mapping.atomic_u64(at)
    }

    #[inline]
    fn state_word(&self) -> &AtomicU32 {
        self.word(offset_of!(Words, state))
    }

    /// How far the child came. Acquire: sees the outcome that `publish` released.
    pub(crate) fn state(&self) -> Option<State> {
        State::of(self.state_word().load(Ordering::Acquire))
    }

    /// Child: the launch was taken; false where somebody took it before.
    #[inline]
    pub(crate) fn claim(&self) -> bool {
        let (empty, claimed) = (State::Empty as u32, State::Claimed as u32);
        // Relaxed: the parent reads this word after the child's death, or to see that it has begun, and nothing besides.
        self.state_word()
            .compare_exchange(empty, claimed, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }

    pub(crate) fn pid(&self) -> &AtomicU32 {
        self.word(offset_of!(Words, pid))
    }

    pub(crate) fn go(&self) -> &AtomicU32 {
        self.word(offset_of!(Words, go))
    }

    /// Child: the launch message and the encoded arguments, copied out.
    pub(crate) fn message(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let launch = self.word(offset_of!(Words, launch)).load(Ordering::Relaxed) as usize;
        let arguments = self.long(offset_of!(Words, arguments)).load(Ordering::Relaxed);
        let arguments = usize::try_from(arguments).ok()?;
        Some((
            self.mapping.copy(PAYLOAD, launch)?,
            self.mapping.copy(PAYLOAD.checked_add(launch)?, arguments)?,
        ))
    }

    /// Child: stores the outcome and makes it known. Grows the file where it must; `ENOSPC` and `ENOMEM` come from here.
    #[inline]
    pub(crate) fn publish(
        &mut self,
        file: BorrowedFd<'_>,
        state: State,
        outcome: &[u8],
        descriptors: u32,
    ) -> io::Result<()> {
        let length = (PAYLOAD + outcome.len()).next_multiple_of(PAGE);
        if outcome.len() > PAGE - PAYLOAD {
            memfd::grow(file, length)?;
            self.mapping.extend(length)?;
        }
        self.mapping.write(PAYLOAD, outcome);
        self.long(offset_of!(Words, outcome))
            .store(outcome.len() as u64, Ordering::Relaxed);
        self.outcome_descriptors().store(descriptors, Ordering::Relaxed);
        // Release: pairs with the Acquire of `state`; the bytes and both lengths come before it.
        self.state_word().store(state as u32, Ordering::Release);
        Ok(())
    }

    #[inline]
    fn outcome_descriptors(&self) -> &AtomicU32 {
        self.word(offset_of!(Words, outcome_descriptors))
    }

    /// Parent, after the child's death: how many descriptors it sent.
    pub(crate) fn sent_descriptors(&self) -> u32 {
        self.outcome_descriptors().load(Ordering::Relaxed)
    }

    /// Parent, after the child's death: a copy of the outcome's bytes, and the number of its descriptors.
    pub(crate) fn outcome(&mut self) -> io::Result<(Vec<u8>, u32)> {
        let refused = || io::Error::new(io::ErrorKind::InvalidData, "the child left an impossible length");
        let length = self.long(offset_of!(Words, outcome)).load(Ordering::Relaxed);
        let length = usize::try_from(length).map_err(|_| refused())?;
        let end = PAYLOAD
            .checked_add(length)
            .filter(|end| *end < isize::MAX as usize)
            .ok_or_else(refused)?;
        self.mapping
            .extend(end.next_multiple_of(PAGE))
            .map_err(|error| match error.raw_os_error() {
                // Beyond the end of the file, or of any address space: the length is a lie.
                Some(libc::EFAULT | libc::EINVAL) => refused(),
                Some(libc::ENOMEM) => {
                    let why = format!("no memory to map its {length} bytes: {error}");
                    io::Error::new(io::ErrorKind::OutOfMemory, why)
                }
                _ => error,
            })?;
        let bytes = self.mapping.copy(PAYLOAD, length).ok_or_else(refused)?;
        Ok((bytes, self.sent_descriptors()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents<'a>(launch: &'a [u8], arguments: &'a [u8]) -> Contents<'a> {
        let header = Header {
            parent: 1,
            entry: 2,
            build_id: [3; 20],
            token: 4,
            descriptors: 0,
        };
        Contents {
            header,
            launch,
            arguments,
        }
    }

    #[test]
    fn what_one_side_writes_the_other_reads() {
        let (mut parent, file) = StartBlock::create(&contents(b"launch", b"arguments")).unwrap();
        let mut child = StartBlock::open(file.as_fd()).unwrap();
        assert_eq!(child.header, parent.header);
        assert_eq!(
            child.message().unwrap(),
            (b"launch".to_vec(), b"arguments".to_vec())
        );
        assert_eq!(parent.state(), Some(State::Empty));
        assert!(child.claim());
        assert!(!child.claim(), "a block is for one child");
        let large = vec![7; 1 << 20];
        child.publish(file.as_fd(), State::Returned, &large, 0).unwrap();
        drop(child);
        drop(file);
        assert_eq!(parent.state(), Some(State::Returned));
        assert_eq!(parent.outcome().unwrap(), (large, 0));
    }

    #[test]
    fn an_impossible_length_is_an_error_and_not_a_signal() {
        for lie in [4096, 1 << 20, 1 << 40, u64::MAX, i64::MAX as u64] {
            let (mut parent, file) = StartBlock::create(&contents(b"", b"")).unwrap();
            let child = StartBlock::open(file.as_fd()).unwrap();
            child
                .long(offset_of!(Words, outcome))
                .store(lie, Ordering::Relaxed);
            for _ in 0..2 {
                assert!(parent.outcome().is_err(), "a length of {lie} was believed");
            }
        }
    }

    #[test]
    fn another_file_is_refused() {
        let file = memfd::create("other", PAGE).unwrap();
        assert!(StartBlock::open(file.as_fd()).is_err());
        let unsealed = rustix::fs::memfd_create("unsealed", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        assert!(StartBlock::open(unsealed.as_fd()).is_err());
    }
}
