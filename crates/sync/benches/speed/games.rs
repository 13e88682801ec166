//! The games: what host and guest do, move by move.
//!
//! In a round trip the guest waits first, and a move is there and back again. In a game on a lock the guest plays until it is stopped,
//! and a move is any player's lock and unlock.

use std::hint::black_box;
use std::sync::Mutex;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

use crate::raw;
use crate::table::{Table, Word};

/// Who plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Guest,
    Host,
}

macro_rules! games {
    ($($game:ident $name:literal $play:path;)*) => {
        /// A game by its number, which is what the guest is told.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Game { $($game),* }

        impl Game {
            const ALL: &[Self] = &[$(Self::$game),*];

            /// The name in the report.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$game => $name),* }
            }

            /// Plays one side. How many moves were made by it.
            pub(crate) fn play(self, table: &Table, side: Side, moves: u32) -> u32 {
                match self { $(Self::$game => $play(table, side, moves)),* }
            }
        }
    };
}

games! {
    Lock "sync" lock;
    RobustMutex "robust mutex" robust_mutex;
    StdMutex "std Mutex" std_mutex;
    LockOfTwo "sync" lock_of_two;
    RobustMutexOfTwo "robust mutex" robust_mutex_of_two;
    Event "sync" event;
    Semaphore "sync" semaphore;
    Condition "sync" condition;
    Futex "futex" futex;
    BoundedFutex "futex, 200 ms" bounded_futex;
    Spinning "spinning word" spinning;
    Barrier "sync" barrier;
    FutexBarrier "futex" futex_barrier;
    BoundedFutexBarrier "futex, 200 ms" bounded_futex_barrier;
    SpinningBarrier "spinning word" spinning_barrier;
}

impl Game {
    pub(crate) fn of_number(number: u32) -> Self {
        Self::ALL[number as usize]
    }

    /// Whether the guest has to be there.
    pub(crate) fn is_for_two(self) -> bool {
        !matches!(self, Self::Lock | Self::RobustMutex | Self::StdMutex)
    }
}

fn lock(table: &Table, _: Side, moves: u32) -> u32 {
    for _ in 0..moves {
        drop(black_box(table.lock.lock().expect("nobody dies")));
    }
    moves
}

fn robust_mutex(table: &Table, _: Side, moves: u32) -> u32 {
    let mutex = raw::Mutex::of(&table.board);
    for _ in 0..moves {
        mutex.lock();
        mutex.unlock();
    }
    moves
}

fn std_mutex(_: &Table, _: Side, moves: u32) -> u32 {
    static MUTEX: Mutex<u32> = Mutex::new(0);
    for _ in 0..moves {
        drop(black_box(MUTEX.lock().expect("nobody panics")));
    }
    moves
}

/// Until the host has made its moves.
fn contend(table: &Table, side: Side, moves: u32, one: impl Fn(&AtomicU32)) -> u32 {
    let (stop, value) = (table.board.word(Word::Stop), table.board.word(Word::Value));
    let mut made = 0;
    while match side {
        Side::Host => made < moves,
        Side::Guest => stop.load(Relaxed) == 0,
    } {
        one(value);
        made += 1;
    }
    if side == Side::Host {
        stop.store(1, Relaxed);
    }
    made
}

fn add_one(value: &AtomicU32) {
    value.store(value.load(Relaxed).wrapping_add(1), Relaxed);
}

fn lock_of_two(table: &Table, side: Side, moves: u32) -> u32 {
    contend(table, side, moves, |value| {
        let _guard = table.lock.lock().expect("nobody dies");
        add_one(value);
    })
}

fn robust_mutex_of_two(table: &Table, side: Side, moves: u32) -> u32 {
    let mutex = raw::Mutex::of(&table.board);
    contend(table, side, moves, |value| {
        mutex.lock();
        add_one(value);
        mutex.unlock();
    })
}

/// There and back: `take` waits for one's turn, `give` gives it to the other.
fn round_trips(side: Side, moves: u32, take: impl Fn(usize), give: impl Fn(usize)) -> u32 {
    for _ in 0..moves {
        match side {
            Side::Guest => {
                take(0);
                give(1);
            }
            Side::Host => {
                give(0);
                take(1);
            }
        }
    }
    moves
}

fn event(table: &Table, side: Side, moves: u32) -> u32 {
    let take = |mine: usize| {
        table.events[mine].wait();
        table.events[mine].clear();
    };
    round_trips(side, moves, take, |other| table.events[other].set())
}

fn semaphore(table: &Table, side: Side, moves: u32) -> u32 {
    let take = |mine: usize| table.semaphores[mine].acquire().expect("there is room").forget();
    let give = |other: usize| table.semaphores[other].release().expect("there is no bound");
    round_trips(side, moves, take, give)
}

fn condition(table: &Table, side: Side, moves: u32) -> u32 {
    let turn = table.board.word(Word::Turn);
    let (mine, other) = match side {
        Side::Guest => (1, 0),
        Side::Host => (0, 1),
    };
    for _ in 0..moves {
        let mut guard = table.condition.lock().expect("nobody dies");
        if side == Side::Guest {
            guard
                .wait_for(|| turn.load(Relaxed) == mine)
                .expect("a notice comes");
        }
        turn.store(other, Relaxed);
        guard.notify_one();
        if side == Side::Host {
            guard
                .wait_for(|| turn.load(Relaxed) == mine)
                .expect("a notice comes");
        }
    }
    moves
}

fn futex(table: &Table, side: Side, moves: u32) -> u32 {
    let turn = table.board.word(Word::Turn);
    let take = |mine: usize| raw::sleep_while(turn, mine as u32);
    round_trips(side, moves, take, |other| {
        raw::store_and_wake(turn, 1 - other as u32)
    })
}

fn bounded_futex(table: &Table, side: Side, moves: u32) -> u32 {
    let turn = table.board.word(Word::Turn);
    let take = |mine: usize| raw::sleep_bounded_while(turn, mine as u32);
    round_trips(side, moves, take, |other| {
        raw::store_and_wake(turn, 1 - other as u32)
    })
}

fn spinning(table: &Table, side: Side, moves: u32) -> u32 {
    let turn = table.board.word(Word::Turn);
    let take = |mine: usize| raw::spin_while(turn, mine as u32);
    round_trips(side, moves, take, |other| raw::store(turn, 1 - other as u32))
}

fn barrier(table: &Table, _: Side, moves: u32) -> u32 {
    for _ in 0..moves {
        table.barrier.wait().expect("both come");
    }
    moves
}

fn futex_barrier(table: &Table, _: Side, moves: u32) -> u32 {
    (0..moves).for_each(|_| raw::meet(&table.board, raw::sleep_while, raw::store_and_wake));
    moves
}

fn bounded_futex_barrier(table: &Table, _: Side, moves: u32) -> u32 {
    (0..moves).for_each(|_| raw::meet(&table.board, raw::sleep_bounded_while, raw::store_and_wake));
    moves
}

fn spinning_barrier(table: &Table, _: Side, moves: u32) -> u32 {
    (0..moves).for_each(|_| raw::meet(&table.board, raw::spin_while, raw::store));
    moves
}

/// Where the turn is at the begin of every game.
pub(crate) fn begin(table: &Table) {
    for word in [Word::Stop, Word::Turn, Word::Come] {
        table.board.word(word).store(0, Relaxed);
    }
    // The other player sees it by its call.
    debug_assert_eq!(table.board.word(Word::Stop).load(Acquire), 0);
}
