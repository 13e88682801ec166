//! Eight bytes to the guest and back again: what an answer costs where nothing can be done meanwhile.

use crate::board::{Word, sleep_while, spin_while, store, store_and_wake};
use crate::games::{Player, number_of};
use crate::peers::crossbeam::{BACK, THERE};
use crate::peers::ipc_channel::end;

/// `give` and `take` of the host are the one way and the other; those of the guest are told apart by who plays.
#[inline]
fn round_trips(player: Player<'_>, moves: u32, give: impl Fn(u64), take: impl Fn() -> u64) {
    for at in 0..moves {
        if player.seat == 0 {
            give(number_of(at));
            assert_eq!(take(), number_of(at));
        } else {
            give(take());
        }
    }
}

pub(crate) fn queues(player: Player<'_>, moves: u32) {
    let (there, back) = (&player.table.there, &player.table.back);
    let (to, from) = if player.seat == 0 {
        (there, back)
    } else {
        (back, there)
    };
    let give = |number| to.put(&number).expect("a number is put");
    round_trips(player, moves, give, || from.get().expect("a number is got"));
}

pub(crate) fn connection(player: Player<'_>, moves: u32) {
    let (hosts, guests) = &player.table.trips;
    let mine = if player.seat == 0 { hosts } else { guests };
    let give = |number| mine.send(&number).expect("a number is sent");
    round_trips(player, moves, give, || mine.recv().expect("a number is received"));
}

pub(crate) fn ipc_channel(player: Player<'_>, moves: u32) {
    let ends = player.ends;
    let give = |number| end(&ends.give).send(number).expect("a number is sent");
    round_trips(player, moves, give, || {
        end(&ends.take).recv().expect("a number is received")
    });
}

pub(crate) fn crossbeam(player: Player<'_>, moves: u32) {
    let (there, back) = (&*THERE, &*BACK);
    let (to, from) = if player.seat == 0 {
        (&there.0, &back.1)
    } else {
        (&back.0, &there.1)
    };
    let give = |number| to.send(number).expect("a number is sent");
    round_trips(player, moves, give, || from.recv().expect("a number is received"));
}

/// A word that is 0 while the guest waits for its turn, and 1 while the host does.
fn turns(player: Player<'_>, moves: u32, pass: impl Fn(u32), wait: impl Fn(u32)) {
    for _ in 0..moves {
        if player.seat == 0 {
            pass(1);
            wait(1);
        } else {
            wait(0);
            pass(0);
        }
    }
}

pub(crate) fn futex(player: Player<'_>, moves: u32) {
    let turn = player.table.board.word(Word::Turn);
    turns(
        player,
        moves,
        |to| store_and_wake(turn, to),
        |mine| sleep_while(turn, mine),
    );
}

pub(crate) fn spinning(player: Player<'_>, moves: u32) {
    let turn = player.table.board.word(Word::Turn);
    turns(player, moves, |to| store(turn, to), |mine| spin_while(turn, mine));
}
