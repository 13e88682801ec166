//! A record: the bytes of a value, how many they are, and its ticket, if it has one.
//!
//! Invariant: a record is written and read by words of eight bytes and by blocks that lie inside the memory, whatever the words say. Who
//! writes one, and when it is valid, is not known here.
//!
//! It is so many words, at a multiple of 8. The first one is its head, and the ticket, if there is one, the second.
//!
//! | bits of the head | what |
//! | --- | --- |
//! | 0 | `TICKET`: it has one |
//! | 1 | `LONG` |
//! | 2 to 63 | `LONG`: how many bytes; they begin in the next word |
//! | 2 to 7 | else: how many bytes, fewer than `SHORT` |
//! | 8 to 63 | else: the first seven of them; the others begin in the next word |
//!
//! A place is a number that only grows; it lies at `4096 + place % capacity`. So when the capacity is doubled, a byte stays where it
//! is or moves into the new half, and nothing is overwritten before the new capacity is valid.

use std::io;
use std::sync::atomic::Ordering::Relaxed;

use super::corrupt;
use super::words::RECORDS;
use crate::queue::beneath::View;
use crate::queue::buffer::Buffer;

pub(super) const WORD: u64 = 8;
const TICKET: u64 = 1;
const LONG: u64 = 2;

/// A value of fewer bytes lies partly in the head of its record.
pub(crate) const SHORT: usize = 64;

/// So many of its bytes.
const IN_HEAD: usize = 7;

/// What the head and the ticket of a record say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) ticket: Option<u64>,
    /// Bytes of the value.
    pub(super) len: usize,
    pub(super) head: u64,
    /// Where the bytes are that are not in the head.
    pub(super) at: u64,
    /// Where the next record is.
    pub(super) next: u64,
}

/// Room that a record of so many bytes takes.
#[inline(always)]
pub(super) fn room_of(len: usize, has_ticket: bool) -> io::Result<u64> {
    let outside = if len < SHORT {
        len.saturating_sub(IN_HEAD)
    } else {
        len
    };
    (outside as u64)
        .checked_next_multiple_of(WORD)
        .and_then(|bytes| bytes.checked_add(WORD + WORD * u64::from(has_ticket)))
        .filter(|&room| room < 1 << 61)
        .ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))
}

#[inline(always)]
pub(super) fn aligned(place: u64) -> io::Result<u64> {
    if place.is_multiple_of(WORD) {
        Ok(place)
    } else {
        Err(corrupt("a record lies between two words"))
    }
}

#[inline]
pub(super) fn capacity(view: &View) -> usize {
    view.len() - RECORDS
}

#[inline]
pub(super) fn offset(view: &View, place: u64) -> usize {
    RECORDS + (place as usize & (capacity(view) - 1))
}

/// Writes a record at a place where there is room for it.
#[inline(always)]
pub(super) fn write(view: &View, place: u64, ticket: Option<u64>, bytes: &[u8]) {
    let mark = if ticket.is_some() { TICKET } else { 0 };
    let rest = if bytes.len() < SHORT {
        let (inside, rest) = bytes.split_at(bytes.len().min(IN_HEAD));
        let head = mark | (bytes.len() as u64) << 2 | word_of(inside) << 8;
        view.atomic_u64(offset(view, place)).store(head, Relaxed);
        rest
    } else {
        let head = mark | LONG | (bytes.len() as u64) << 2;
        view.atomic_u64(offset(view, place)).store(head, Relaxed);
        bytes
    };
    let mut at = place.wrapping_add(WORD);
    if let Some(ticket) = ticket {
        view.atomic_u64(offset(view, at)).store(ticket, Relaxed);
        at = at.wrapping_add(WORD);
    }
    if bytes.len() < SHORT {
        for word in rest.chunks(8) {
            view.atomic_u64(offset(view, at)).store(word_of(word), Relaxed);
            at = at.wrapping_add(WORD);
        }
    } else {
        let start = offset(view, at);
        let (one, other) = rest.split_at((view.len() - start).min(rest.len()));
        view.write_bytes(start, one);
        view.write_bytes(RECORDS, other);
    }
}

/// At most eight bytes as a word, the first one lowest.
#[inline]
fn word_of(bytes: &[u8]) -> u64 {
    if let Some(eight) = bytes.first_chunk() {
        return u64::from_le_bytes(*eight);
    }
    if let (Some(low), Some(high)) = (bytes.first_chunk(), bytes.last_chunk()) {
        // The two overlap where they are not eight bytes together, and agree there.
        let high = u64::from(u32::from_le_bytes(*high)) << (8 * (bytes.len() - 4));
        return u64::from(u32::from_le_bytes(*low)) | high;
    }
    bytes
        .iter()
        .rev()
        .fold(0, |word, &byte| word << 8 | u64::from(byte))
}

/// What is said of the record at a place.
#[inline(always)]
pub(super) fn facts(view: &View, place: u64) -> io::Result<Facts> {
    let place = aligned(place)?;
    let head = view.atomic_u64(offset(view, place)).load(Relaxed);
    let has_ticket = head & TICKET != 0;
    let mut at = place.wrapping_add(WORD);
    let ticket = has_ticket.then(|| view.atomic_u64(offset(view, at)).load(Relaxed));
    if has_ticket {
        at = at.wrapping_add(WORD);
    }
    let len = if head & LONG != 0 {
        head >> 2
    } else {
        (head & 0xFF) >> 2
    };
    if len > capacity(view) as u64 {
        return Err(corrupt("a record is longer than the queue"));
    }
    let len = len as usize;
    if head & LONG != 0 && len < SHORT {
        return Err(corrupt("a short record is called a long one"));
    }
    Ok(Facts {
        ticket,
        len,
        head,
        at,
        next: place.wrapping_add(room_of(len, has_ticket)?),
    })
}

/// Changes the ticket of a record that has one.
pub(super) fn change_ticket(view: &View, facts: &Facts, ticket: u64) -> io::Result<()> {
    let place = aligned(facts.at.wrapping_sub(WORD))?;
    view.atomic_u64(offset(view, place)).store(ticket, Relaxed);
    Ok(())
}

/// Copies the bytes of a record.
#[inline]
pub(super) fn copy(view: &View, facts: &Facts, to: &mut Buffer) -> io::Result<()> {
    if facts.len < SHORT {
        // The head's first byte is copied, too, and is no part of the value.
        let words = to.short(facts.len);
        let (head, rest) = words.split_at_mut(1);
        head[0] = facts.head.to_le_bytes();
        let mut at = facts.at;
        let count = facts.len.saturating_sub(IN_HEAD).div_ceil(8);
        for word in rest.iter_mut().take(count) {
            *word = view.atomic_u64(offset(view, at)).load(Relaxed).to_le_bytes();
            at = at.wrapping_add(WORD);
        }
        return Ok(());
    }
    // Nothing that is longer than all the room is copied, whatever the words say.
    if facts.len > capacity(view) {
        return Err(corrupt("a record is longer than the room"));
    }
    let to = to.long(facts.len)?;
    let start = offset(view, facts.at);
    let (one, other) = to.split_at_mut((view.len() - start).min(facts.len));
    view.read_bytes(start, one);
    view.read_bytes(RECORDS, other);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn up_to_eight_bytes_are_a_word() {
        let bytes: Vec<u8> = (1..=8).collect();
        for len in 0..=8 {
            let mut expected = [0; 8];
            expected[..len].copy_from_slice(&bytes[..len]);
            assert_eq!(word_of(&bytes[..len]), u64::from_le_bytes(expected));
        }
    }
}
