//! The head of typed memory: what is in it, for whoever maps it to check.
//!
//! Invariant: each word of a head that somebody else has written is read once, and nothing is computed from one that has not been compared
//! or bounded. The words do not change once the memory has been handed on.
//!
//! | offset | word |
//! | --- | --- |
//! | 0 | `MAGIC` |
//! | 8 | the version of this head |
//! | 16 | bytes of the whole memory |
//! | 24 | bytes of one value |
//! | 32 | its alignment |
//! | 40 | its fingerprint |
//! | 48 | how many values there are |

use std::fmt;
use std::io;
use std::sync::atomic::Ordering::Relaxed;

use super::{Fingerprint, Segment};

const MAGIC: u64 = u64::from_le_bytes(*b"coreshm\0");
const VERSION: u64 = 1;

/// Bytes of the head. The values begin after it, aligned.
const HEAD: usize = 64;

/// What the values are.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub(crate) size: usize,
    pub(crate) align: usize,
    pub(crate) fingerprint: Fingerprint,
}

impl Kind {
    /// Where the first value lies.
    pub(crate) const fn offset(self) -> usize {
        if self.align > HEAD { self.align } else { HEAD }
    }

    /// The bytes of a memory with so many values; `None` if there are no such numbers.
    pub(crate) fn len(self, count: usize) -> Option<usize> {
        self.size.checked_mul(count)?.checked_add(self.offset())
    }

    /// Most values that a memory of so many bytes can have.
    fn room(self, len: usize) -> usize {
        match self.size {
            // Values without bytes take no room.
            0 => usize::MAX,
            size => len.saturating_sub(self.offset()) / size,
        }
    }
}

/// What a word of the head is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fact {
    /// That it is memory of this kind at all.
    Magic,
    /// The version of the head.
    Version,
    /// Bytes of the whole memory.
    Length,
    /// Bytes of one value.
    Size,
    /// The alignment of a value.
    Alignment,
    /// The names, places and types of the fields: see [`Fingerprint`].
    Type,
    /// How many values there are.
    Count,
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Magic => "the mark of typed memory",
            Self::Version => "the version of the head",
            Self::Length => "the length of the memory in bytes",
            Self::Size => "the size of a value in bytes",
            Self::Alignment => "the alignment of a value",
            Self::Type => "the fingerprint of the type",
            Self::Count => "the number of values",
        })
    }
}

/// Why somebody else's memory was not taken for a value of the type.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// It is no segment, or cannot be mapped; see [`Segment::open`].
    Segment(io::Error),
    /// It is one of another type, of another program's version, or of somebody who lies.
    Mismatch {
        /// The type that was expected.
        expected_type: &'static str,
        /// What does not fit.
        fact: Fact,
        /// What this program expects; of a count that is too large, the most that there is room for.
        expected: u64,
        /// What is there.
        found: u64,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Segment(error) => error.fmt(f),
            Self::Mismatch {
                expected_type,
                fact,
                expected,
                found,
            } => {
                write!(f, "the memory does not hold `{expected_type}`: {fact} is ")?;
                match fact {
                    Fact::Magic | Fact::Type => write!(f, "{found:#x} where {expected:#x} is expected"),
                    _ => write!(f, "{found} where {expected} is expected"),
                }
            }
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Segment(error) => Some(error),
            Self::Mismatch { .. } => None,
        }
    }
}

/// Writes the head, before anybody else has the memory.
pub(crate) fn write(segment: &Segment, kind: Kind, count: usize) {
    for (index, (_, word)) in words(kind, segment.len(), count).into_iter().enumerate() {
        // Relaxed: another process gets the segment by a message of the kernel, which orders.
        segment.atomic_u64(index * 8).store(word, Relaxed);
    }
}

/// Checks a head that somebody else has written; how many values there are. `expected` is their number if it is fixed.
pub(crate) fn check(
    segment: &Segment,
    kind: Kind,
    expected: Option<usize>,
    expected_type: &'static str,
) -> Result<usize, OpenError> {
    let mismatch = |fact, expected, found| OpenError::Mismatch {
        expected_type,
        fact,
        expected,
        found,
    };
    if segment.len() < kind.offset() {
        let least = kind.len(expected.unwrap_or(0)).unwrap_or(usize::MAX);
        return Err(mismatch(Fact::Length, least as u64, segment.len() as u64));
    }
    let room = kind.room(segment.len());
    for (index, (fact, word)) in words(kind, segment.len(), expected.unwrap_or(room))
        .into_iter()
        .enumerate()
    {
        // Relaxed: as in `write`. It is the only look at this word.
        let found = segment.atomic_u64(index * 8).load(Relaxed);
        if fact != Fact::Count {
            if found != word {
                return Err(mismatch(fact, word, found));
            }
            continue;
        }
        let Ok(count) = usize::try_from(found) else {
            return Err(mismatch(fact, word, found));
        };
        if expected.is_some_and(|expected| count != expected) || count > room {
            return Err(mismatch(fact, word, found));
        }
        if kind.len(count) != Some(segment.len()) {
            let least = kind.len(count).unwrap_or(usize::MAX) as u64;
            return Err(mismatch(Fact::Length, least, segment.len() as u64));
        }
        return Ok(count);
    }
    unreachable!("the count is the last word")
}

/// The words in their order.
fn words(kind: Kind, len: usize, count: usize) -> [(Fact, u64); 7] {
    [
        (Fact::Magic, MAGIC),
        (Fact::Version, VERSION),
        (Fact::Length, len as u64),
        (Fact::Size, kind.size as u64),
        (Fact::Alignment, kind.align as u64),
        (Fact::Type, kind.fingerprint.as_u64()),
        (Fact::Count, count as u64),
    ]
}
