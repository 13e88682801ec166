//! A megabyte a message, and 64 of them: copied out of the giver's memory and into the taker's, or written and read in place.

use std::cell::RefCell;

use crate::games::Player;
use crate::peers::ipc_channel::end;
use crate::table::{HUGE, MEGABYTE};

thread_local! {
    /// The memory of each player's own; touched once, and not in a game.
    static OWN: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static OTHER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Lends the player's own memory.
fn with_own<R>(len: usize, use_it: impl FnOnce(&mut [u8]) -> R) -> R {
    OWN.with_borrow_mut(|own| {
        if own.len() < len {
            own.resize(len, b'x');
        }
        use_it(&mut own[..len])
    })
}

/// One gives its memory with another first byte each time, and one takes into its own.
fn stream(
    player: Player<'_>,
    len: usize,
    moves: u32,
    mut give: impl FnMut(&[u8]),
    mut take: impl FnMut(&mut [u8]),
) {
    with_own(len, |own| {
        for at in 0..moves {
            let mark = at as u8;
            if player.takes() {
                take(own);
                assert!(own[0] == mark && own[len - 1] == b'x');
            } else {
                own[0] = mark;
                give(own);
            }
        }
    });
}

fn copied(player: Player<'_>, len: usize, moves: u32) {
    let (sender, receiver) = &player.table.bytes;
    let give = |bytes: &[u8]| sender.send_bytes(bytes).expect("bytes are sent");
    stream(player, len, moves, give, |own| {
        let came = receiver.recv_bytes_into(own).expect("bytes are received");
        assert_eq!(came, len);
    });
}

pub(crate) fn megabyte_copied(player: Player<'_>, moves: u32) {
    copied(player, MEGABYTE, moves);
}

pub(crate) fn huge_copied(player: Player<'_>, moves: u32) {
    copied(player, HUGE, moves);
}

/// A sum over all bytes, eight at a time: what a reader does who looks at everything.
fn look_at(bytes: &[u8]) -> u64 {
    let words = bytes.as_chunks::<8>().0;
    words
        .iter()
        .fold(0, |sum: u64, word| sum.wrapping_add(u64::from_ne_bytes(*word)))
}

/// The sum where each byte is `mark`.
fn sum_of(mark: u8, len: usize) -> u64 {
    u64::from_ne_bytes([mark; 8]).wrapping_mul(len as u64 / 8)
}

/// The giver fills the memory of the message, and the taker looks at each byte of it.
pub(crate) fn megabyte_in_place(player: Player<'_>, moves: u32) {
    let (sender, receiver) = &player.table.bytes;
    for at in 0..moves {
        let mark = at as u8;
        if player.takes() {
            let came = receiver.recv_borrowed().expect("bytes are received");
            assert_eq!(look_at(&came), sum_of(mark, MEGABYTE));
        } else {
            let mut loan = sender.loan(MEGABYTE).expect("there is memory");
            loan.fill(mark);
            sender.send_loan(loan).expect("bytes are sent");
        }
    }
}

/// The same in the slots of the ring.
pub(crate) fn megabyte_ring_in_place(player: Player<'_>, moves: u32) {
    let ring = &player.table.ring_of_megabytes;
    for at in 0..moves {
        let mark = at as u8;
        if player.takes() {
            assert_eq!(ring.pop_in_place(look_at), sum_of(mark, MEGABYTE));
        } else {
            ring.push_in_place(|slot| slot.fill(mark));
        }
    }
}

/// The same by one process in its own memory.
pub(crate) fn megabyte_alone_in_place(_: Player<'_>, moves: u32) {
    with_own(MEGABYTE, |own| {
        for at in 0..moves {
            own.fill(at as u8);
            assert_eq!(look_at(std::hint::black_box(own)), sum_of(at as u8, MEGABYTE));
        }
        own.fill(b'x');
    });
}

/// A value of a megabyte, encoded and decoded.
pub(crate) fn megabyte_value(player: Player<'_>, moves: u32) {
    let (sender, receiver) = &player.table.bytes;
    let mut value = vec![b'x'; MEGABYTE];
    for at in 0..moves {
        if player.takes() {
            let came = receiver.recv().expect("a value is received");
            assert!(came.len() == MEGABYTE && came[0] == at as u8);
        } else {
            value[0] = at as u8;
            sender.send(&value).expect("a value is sent");
        }
    }
}

fn ring(player: Player<'_>, len: usize, moves: u32) {
    let ring = &player.table.ring_of_megabytes;
    let give = |bytes: &[u8]| bytes.chunks(MEGABYTE).for_each(|piece| ring.push_bytes(piece));
    stream(player, len, moves, give, |own| {
        own.chunks_mut(MEGABYTE).for_each(|piece| ring.pop_bytes(piece));
    });
}

pub(crate) fn megabyte_ring(player: Player<'_>, moves: u32) {
    ring(player, MEGABYTE, moves);
}

pub(crate) fn huge_ring(player: Player<'_>, moves: u32) {
    ring(player, HUGE, moves);
}

/// One copy, by one process, of memory that it has.
fn memcpy(len: usize, moves: u32) {
    OTHER.with_borrow_mut(|other| {
        other.resize(other.len().max(len), 0);
        with_own(len, |own| {
            for at in 0..moves {
                own[0] = at as u8;
                other[..len].copy_from_slice(std::hint::black_box(own));
                std::hint::black_box(&mut *other);
            }
        });
    });
}

pub(crate) fn megabyte_memcpy(_: Player<'_>, moves: u32) {
    memcpy(MEGABYTE, moves);
}

pub(crate) fn huge_memcpy(_: Player<'_>, moves: u32) {
    memcpy(HUGE, moves);
}

fn ipc_channel(player: Player<'_>, len: usize, moves: u32) {
    let ends = player.ends;
    let give = |bytes: &[u8]| end(&ends.send_bytes).send(bytes).expect("bytes are sent");
    stream(player, len, moves, give, |own| {
        // It gives a vector of its own, which is what its user has; a copy of it is not in the figure.
        let came = end(&ends.bytes).recv().expect("bytes are received");
        assert_eq!(came.len(), len);
        (own[0], own[len - 1]) = (came[0], came[len - 1]);
    });
}

pub(crate) fn megabyte_ipc_channel(player: Player<'_>, moves: u32) {
    ipc_channel(player, MEGABYTE, moves);
}

pub(crate) fn huge_ipc_channel(player: Player<'_>, moves: u32) {
    ipc_channel(player, HUGE, moves);
}
