//! What an entry's words mean: static text, source lines and kinds, each packed into one word.
//!
//! Invariant: unpacking accepts any word; one that nobody packed gives `?` or nothing, and never a wild read.

use std::panic::Location;

use core_process::probe::Phase;

use super::image;

/// Who wrote an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A probe point of the library.
    Library,
    /// A primitive of [`crate::work`].
    Work,
    /// The grader's own frame around the answer.
    Grader,
}

pub(super) const OFFSET_BITS: u32 = 40;
pub(super) const OFFSET_MASK: u64 = (1 << OFFSET_BITS) - 1;
pub(super) const IN_SEGMENT: u64 = 1 << 63;
/// Longest text that a word can refer to, in bytes; also the mask of its length.
pub(super) const MAX_TEXT: usize = (1 << 23) - 1;

pub(super) enum Home {
    Image,
    Segment,
}

pub(super) fn text_word(offset: u64, len: usize, home: Home) -> u64 {
    let mark = match home {
        Home::Image => 0,
        Home::Segment => IN_SEGMENT,
    };
    offset & OFFSET_MASK | (len as u64) << OFFSET_BITS | mark
}

/// A source line in one word: offset of the file's name (32 bits), its length (12), the line (20); 0 for none.
pub(super) fn place(location: &Location<'_>) -> u64 {
    let file = location.file();
    match image::offset_of(file) {
        Some(offset) if offset < 1 << 32 && file.len() < 1 << 12 && location.line() < 1 << 20 => {
            offset | (file.len() as u64) << 32 | u64::from(location.line()) << 44
        }
        _ => 0,
    }
}

/// File and line behind a word that [`place`] made.
pub(crate) fn place_of(word: u64) -> Option<(&'static str, u32)> {
    if word == 0 {
        return None;
    }
    let file = image::text_at(word & 0xffff_ffff, (word >> 32) as usize & 0xfff)?;
    Some((file, (word >> 44) as u32))
}

pub(super) fn kind(source: Source, phase: Phase) -> u32 {
    let source = match source {
        Source::Library => 0,
        Source::Work => 1,
        Source::Grader => 2,
    };
    let phase = match phase {
        Phase::Point => 0,
        Phase::Begin => 1,
        Phase::End => 2,
    };
    source << 8 | phase
}

/// What [`kind`] put together; an unknown number is a point of the grader.
pub(crate) fn kind_of(kind: u32) -> (Source, Phase) {
    let source = match kind >> 8 {
        0 => Source::Library,
        1 => Source::Work,
        _ => Source::Grader,
    };
    let phase = match kind & 0xff {
        1 => Phase::Begin,
        2 => Phase::End,
        _ => Phase::Point,
    };
    (source, phase)
}

/// FNV-1a over kind, name and number; never 0, which marks a free cell.
pub(super) fn hash(kind: &str, name: &str, number: u64) -> u64 {
    let bytes = kind
        .bytes()
        .chain([0])
        .chain(name.bytes())
        .chain([0])
        .chain(number.to_le_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    hash.max(1)
}

/// The first `longest` bytes of a text, or a few less where that would split a character.
pub(super) fn cut(text: &str, longest: usize) -> &str {
    let end = (0..=longest.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}
