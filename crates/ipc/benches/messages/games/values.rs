//! Memory that is shared: one added to a number, and an array filled.
//!
//! Where two play, each makes a half of the moves.

use std::cell::RefCell;
use std::sync::atomic::Ordering::Relaxed;

use crate::board::Word;
use crate::games::Player;

/// Bytes of the array.
pub(crate) const FILL: usize = 8 << 20;

pub(crate) fn value_alone(player: Player<'_>, moves: u32) {
    for _ in 0..moves {
        *player.table.value.lock().expect("nobody dies") += 1;
    }
}

/// The limit: a lock of the same kind, and a word beside it.
pub(crate) fn lock_alone(player: Player<'_>, moves: u32) {
    let (lock, raw) = &player.table.locked;
    for _ in 0..moves {
        let _guard = lock.lock().expect("nobody dies");
        raw.set(raw.get() + 1);
    }
}

pub(crate) fn value_of_two(player: Player<'_>, moves: u32) {
    value_alone(player, moves.div_ceil(2));
}

pub(crate) fn lock_of_two(player: Player<'_>, moves: u32) {
    lock_alone(player, moves.div_ceil(2));
}

pub(crate) fn atomic_alone(player: Player<'_>, moves: u32) {
    for _ in 0..moves {
        player.table.atomic.atomic().fetch_add(1, Relaxed);
    }
}

/// The limit: a word of a segment.
pub(crate) fn word_alone(player: Player<'_>, moves: u32) {
    let word = player.table.board.word(Word::Turn);
    for _ in 0..moves {
        word.fetch_add(1, Relaxed);
    }
}

pub(crate) fn atomic_of_two(player: Player<'_>, moves: u32) {
    atomic_alone(player, moves.div_ceil(2));
}

pub(crate) fn word_of_two(player: Player<'_>, moves: u32) {
    word_alone(player, moves.div_ceil(2));
}

thread_local! {
    static OWN: RefCell<[Vec<u8>; 2]> = RefCell::new([vec![7; FILL], vec![1; FILL]]);
}

pub(crate) fn array_fill(player: Player<'_>, moves: u32) {
    OWN.with_borrow(|[from, _]| {
        for _ in 0..moves {
            player
                .table
                .array
                .lock()
                .expect("nobody dies")
                .copy_from_slice(from);
        }
    });
}

/// The limit: memory of one's own.
pub(crate) fn memory_fill(_: Player<'_>, moves: u32) {
    OWN.with_borrow_mut(|[from, to]| {
        for _ in 0..moves {
            to.copy_from_slice(from);
            std::hint::black_box(&mut *to);
        }
    });
}
