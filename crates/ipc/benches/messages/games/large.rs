//! A megabyte a message, and 64 of them: copied out of the giver's memory, and into the taker's.

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
