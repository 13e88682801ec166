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
//! first (`Mapping::extend`), so a child that lies about a length gets an error, not a SIGBUS.
#![allow(unsafe_code, reason = "places words in a mapping")]

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::sys::memfd::{self, Mapping};

const MAGIC: u64 = u64::from_le_bytes(*b"startblk");
const VERSION: u32 = 1;
const PAGE: usize = 4096;
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

#[repr(C)]
struct Words {
    magic: u64,
    version: u32,
    state: AtomicU32,
    /// The child's pid, where the kernel writes it for us.
    pid: AtomicU32,
    /// Set by the parent of a forked child once it holds the pidfd.
    go: AtomicU32,
    /// Who may use this block.
    parent: u32,
    descriptors: u32,
    entry: u64,
    build_id: [u8; 20],
    /// Length of the launch message, at the beginning of the payload.
    launch: u32,
    /// Length of the encoded arguments, behind it.
    arguments: u64,
    /// Length of the outcome, and the number of descriptors sent beside it.
    outcome: AtomicU64,
    outcome_descriptors: AtomicU32,
    _reserved: u32,
    /// Tells this child's packet of descriptors from another's.
    token: u64,
}

const _: () = assert!(size_of::<Words>() <= PAYLOAD);

/// What the parent writes down for the child to find.
pub(crate) struct Contents<'a> {
    pub(crate) parent: u32,
    /// Offset of the entry function in the main image.
    pub(crate) entry: u64,
    pub(crate) build_id: [u8; 20],
    pub(crate) token: u64,
    pub(crate) descriptors: u32,
    pub(crate) launch: &'a [u8],
    pub(crate) arguments: &'a [u8],
}

/// One side's view of a start block.
#[derive(Debug)]
pub(crate) struct StartBlock {
    mapping: Mapping,
}

impl StartBlock {
    /// The parent's side: a filled block, and the descriptor that the child gets.
    pub(crate) fn create(contents: &Contents<'_>) -> io::Result<(Self, OwnedFd)> {
        let needed = PAYLOAD + contents.launch.len() + contents.arguments.len();
        let length = needed.next_multiple_of(PAGE);
        let file = memfd::create("start-block", length)?;
        let mapping = Mapping::new(file.as_fd(), length)?;
        // SAFETY: the mapping is page-aligned and longer than `Words`, and nobody else has the file yet.
        unsafe {
            mapping.as_ptr().cast::<Words>().write(Words {
                magic: MAGIC,
                version: VERSION,
                state: AtomicU32::new(State::Empty as u32),
                pid: AtomicU32::new(0),
                go: AtomicU32::new(0),
                parent: contents.parent,
                descriptors: contents.descriptors,
                entry: contents.entry,
                build_id: contents.build_id,
                launch: contents.launch.len() as u32,
                arguments: contents.arguments.len() as u64,
                outcome: AtomicU64::new(0),
                outcome_descriptors: AtomicU32::new(0),
                _reserved: 0,
                token: contents.token,
            });
        }
        mapping.write(PAYLOAD, contents.launch)?;
        mapping.write(PAYLOAD + contents.launch.len(), contents.arguments)?;
        Ok((Self { mapping }, file))
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
        let block = Self {
            mapping: Mapping::new(file, length)?,
        };
        let words = block.words();
        if words.magic != MAGIC || words.version != VERSION {
            return Err(refused());
        }
        Ok(block)
    }

    fn words(&self) -> &Words {
        // SAFETY: both constructors made sure that the mapping is long enough and holds words; what either side
        // changes later is atomic.
        unsafe { &*self.mapping.as_ptr().cast::<Words>() }
    }

    /// How far the child came. Acquire: sees the outcome that `publish` released.
    pub(crate) fn state(&self) -> Option<State> {
        State::of(self.words().state.load(Ordering::Acquire))
    }

    /// Child: the launch was taken; false where somebody took it before.
    pub(crate) fn claim(&self) -> bool {
        // Relaxed: the parent reads this word after the child's death, or to see that it has begun, and nothing besides.
        let state = &self.words().state;
        state
            .compare_exchange(
                State::Empty as u32,
                State::Claimed as u32,
                Ordering::Relaxed,
                Ordering::Relaxed,
            )
            .is_ok()
    }

    pub(crate) fn pid(&self) -> &AtomicU32 {
        &self.words().pid
    }

    pub(crate) fn go(&self) -> &AtomicU32 {
        &self.words().go
    }

    pub(crate) fn parent(&self) -> u32 {
        self.words().parent
    }

    pub(crate) fn entry(&self) -> u64 {
        self.words().entry
    }

    pub(crate) fn build_id(&self) -> [u8; 20] {
        self.words().build_id
    }

    pub(crate) fn token(&self) -> u64 {
        self.words().token
    }

    pub(crate) fn descriptors(&self) -> u32 {
        self.words().descriptors
    }

    /// Child: the launch message and the encoded arguments, copied out.
    pub(crate) fn message(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let launch = self.words().launch as usize;
        let arguments = usize::try_from(self.words().arguments).ok()?;
        let message = self.mapping.bytes(PAYLOAD, launch)?.to_vec();
        let arguments = self
            .mapping
            .bytes(PAYLOAD.checked_add(launch)?, arguments)?
            .to_vec();
        Some((message, arguments))
    }

    /// Child: stores the outcome and makes it known. Grows the file where it must; `ENOSPC` and `ENOMEM` come from here.
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
        self.mapping.write(PAYLOAD, outcome)?;
        let words = self.words();
        words.outcome.store(outcome.len() as u64, Ordering::Relaxed);
        words.outcome_descriptors.store(descriptors, Ordering::Relaxed);
        // Release: pairs with the Acquire of `state`; the bytes and both lengths come before it.
        words.state.store(state as u32, Ordering::Release);
        Ok(())
    }

    /// Parent, after the child's death: how many descriptors it sent.
    pub(crate) fn sent_descriptors(&self) -> u32 {
        self.words().outcome_descriptors.load(Ordering::Relaxed)
    }

    /// Parent, after the child's death: the outcome's bytes and the number of its descriptors.
    pub(crate) fn outcome(&mut self) -> io::Result<(&[u8], u32)> {
        let refused = || io::Error::new(io::ErrorKind::InvalidData, "the child left an impossible length");
        // Each word is fetched once: a survivor of the child might still write here.
        let length = usize::try_from(self.words().outcome.load(Ordering::Relaxed)).map_err(|_| refused())?;
        let descriptors = self.words().outcome_descriptors.load(Ordering::Relaxed);
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
        Ok((
            self.mapping.bytes(PAYLOAD, length).ok_or_else(refused)?,
            descriptors,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents<'a>(launch: &'a [u8], arguments: &'a [u8]) -> Contents<'a> {
        Contents {
            parent: 1,
            entry: 2,
            build_id: [3; 20],
            token: 4,
            descriptors: 0,
            launch,
            arguments,
        }
    }

    #[test]
    fn what_one_side_writes_the_other_reads() {
        let (mut parent, file) = StartBlock::create(&contents(b"launch", b"arguments")).unwrap();
        let mut child = StartBlock::open(file.as_fd()).unwrap();
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
        assert_eq!(parent.outcome().unwrap(), (&large[..], 0));
    }

    #[test]
    fn an_impossible_length_is_an_error_and_not_a_signal() {
        for lie in [4096, 1 << 20, 1 << 40, u64::MAX, i64::MAX as u64] {
            let (mut parent, file) = StartBlock::create(&contents(b"", b"")).unwrap();
            let child = StartBlock::open(file.as_fd()).unwrap();
            child.words().outcome.store(lie, Ordering::Relaxed);
            assert!(parent.outcome().is_err(), "a length of {lie} was believed");
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
