//! A queue in which a million values wait, beside an empty one; and who waits at an empty one.

use ipc::Queue;

use crate::games::{Player, number_of};

const MILLION: usize = 1_000_000;

/// A move is a value put and one got, by one process: nobody waits, nobody is woken.
fn put_and_get(queue: &Queue<u64>, moves: u32) {
    for at in 0..moves {
        queue.put(&number_of(at)).expect("a number is put");
        queue.get().expect("a number is got");
    }
}

pub(crate) fn crowded(player: Player<'_>, moves: u32) {
    let queue = &player.table.crowded;
    while queue.qsize() < MILLION {
        queue.put(&number_of(0)).expect("a number is put");
    }
    put_and_get(queue, moves);
}

pub(crate) fn quiet(player: Player<'_>, moves: u32) {
    put_and_get(&player.table.quiet, moves);
}

/// The guest waits for each number; when it comes is the host's affair.
fn idle(player: Player<'_>, moves: u32, give: impl Fn(u64), take: impl Fn() -> u64) {
    for _ in 0..moves {
        if player.seat == 0 {
            give(number_of(0));
        } else {
            assert_eq!(take(), number_of(0));
        }
    }
}

pub(crate) fn idle_queue(player: Player<'_>, moves: u32) {
    let queue = &player.table.quiet;
    let give = |number| queue.put(&number).expect("a number is put");
    idle(player, moves, give, || queue.get().expect("a number is got"));
}

pub(crate) fn idle_simple_queue(player: Player<'_>, moves: u32) {
    let queue = &player.table.simple;
    let give = |number| queue.put(&number).expect("a number is put");
    idle(player, moves, give, || queue.get().expect("a number is got"));
}

pub(crate) fn idle_pipe(player: Player<'_>, moves: u32) {
    let (sender, receiver) = &player.table.pipe;
    let give = |number| sender.send(&number).expect("a number is sent");
    idle(player, moves, give, || {
        receiver.recv().expect("a number is received")
    });
}
