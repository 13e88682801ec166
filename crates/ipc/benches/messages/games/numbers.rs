//! Eight bytes a message, one way, as many as go.

use crate::games::{Player, number_of};
use crate::peers::crossbeam::NUMBERS;
use crate::peers::ipc_channel::end;

/// One gives, and one takes and compares.
#[inline]
fn stream(player: Player<'_>, moves: u32, give: impl Fn(u64), take: impl Fn() -> u64) {
    for at in 0..moves {
        if player.takes() {
            assert_eq!(take(), number_of(at));
        } else {
            give(number_of(at));
        }
    }
}

pub(crate) fn queue(player: Player<'_>, moves: u32) {
    let queue = &player.table.numbers;
    let give = |number| queue.put(&number).expect("a number is put");
    stream(player, moves, give, || queue.get().expect("a number is got"));
}

pub(crate) fn simple_queue(player: Player<'_>, moves: u32) {
    let queue = &player.table.simple;
    let give = |number| queue.put(&number).expect("a number is put");
    stream(player, moves, give, || queue.get().expect("a number is got"));
}

pub(crate) fn pipe(player: Player<'_>, moves: u32) {
    let (sender, receiver) = &player.table.pipe;
    let give = |number| sender.send(&number).expect("a number is sent");
    stream(player, moves, give, || {
        receiver.recv().expect("a number is received")
    });
}

pub(crate) fn ring(player: Player<'_>, moves: u32) {
    let ring = &player.table.ring;
    stream(
        player,
        moves,
        |number| ring.push_number(number),
        || ring.pop_number(),
    );
}

pub(crate) fn ipc_channel(player: Player<'_>, moves: u32) {
    let ends = player.ends;
    let give = |number| {
        end(&ends.put_numbers).send(number).expect("a number is sent");
    };
    stream(player, moves, give, || {
        end(&ends.numbers).recv().expect("a number is received")
    });
}

pub(crate) fn crossbeam(player: Player<'_>, moves: u32) {
    let (sender, receiver) = &*NUMBERS;
    let give = |number| sender.send(number).expect("a number is sent");
    stream(player, moves, give, || {
        receiver.recv().expect("a number is received")
    });
}

/// Two give and two take, a half of the moves each.
#[inline]
fn stream_of_many(player: Player<'_>, moves: u32, give: impl Fn(u64), take: impl Fn() -> u64) {
    for at in 0..moves.div_ceil(2) {
        if player.takes() {
            assert!(take() >= number_of(moves));
        } else {
            give(number_of(at));
        }
    }
}

pub(crate) fn queue_of_many(player: Player<'_>, moves: u32) {
    let queue = &player.table.numbers;
    let give = |number| queue.put(&number).expect("a number is put");
    stream_of_many(player, moves, give, || queue.get().expect("a number is got"));
}

pub(crate) fn ring_of_many(player: Player<'_>, moves: u32) {
    let ring = &player.table.ring_of_many;
    stream_of_many(player, moves, |number| ring.push(number), || ring.pop());
}

/// Its receiver cannot be shared: two give, and one takes.
pub(crate) fn ipc_channel_of_many(player: Player<'_>, moves: u32) {
    let ends = player.ends;
    let half = moves.div_ceil(2);
    match player.seat {
        0 => {
            for _ in 0..2 * half {
                let number = end(&ends.numbers).recv().expect("a number is received");
                assert!(number >= number_of(moves));
            }
        }
        2 => {}
        _ => {
            for at in 0..half {
                end(&ends.put_numbers)
                    .send(number_of(at))
                    .expect("a number is sent");
            }
        }
    }
}
