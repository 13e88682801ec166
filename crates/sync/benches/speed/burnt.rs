//! What a waiter burns while more processes run than there are cores: its CPU time, as a part of the time that it waits.
//!
//! The host works for a millisecond before each move, the guest waits, and the hogs want every CPU all the time.

use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use core_process::{Child, Process};

use crate::games::Side;
use crate::guest::Guest;
use crate::rows::Row;
use crate::table::{Board, Word};

/// Moves of a measurement.
pub(crate) const MOVES: u32 = 100;

/// The part that a waiter may burn.
pub(crate) const BOUND: f64 = 0.05;

const WORK: Duration = Duration::from_millis(1);

/// What the waiter has burnt.
pub(crate) struct Burnt {
    pub(crate) title: String,
    /// CPU time by time.
    pub(crate) part: f64,
}

/// Plays each of our games in which one waits for the other, with pauses, among hogs.
pub(crate) fn measure(rows: &[Row], guest: &Guest, moves: u32) -> Vec<Burnt> {
    let board = &guest.table.board;
    board.word(Word::Value).store(0, Relaxed);
    let hogs: Vec<Child<()>> = (0..=core_process::cpu_count())
        .map(|_| {
            Process::new(run_until_told, board.clone())
                .start()
                .expect("a hog starts")
        })
        .collect();
    let mut all = Vec::new();
    for row in rows.iter().filter(|row| row.is_of_turns()) {
        let (game, place) = (row.games[0], row.place);
        let call = guest.call(game, place, moves);
        let began = Instant::now();
        for _ in 0..moves {
            let working = Instant::now();
            while working.elapsed() < WORK {
                std::hint::spin_loop();
            }
            game.play(&guest.table, Side::Host, 1);
        }
        let waited = began.elapsed();
        guest.see_off(call);
        let used = f64::from(board.word(Word::Used).load(Relaxed)) / 1e6;
        let part = used / waited.as_secs_f64();
        all.push(Burnt {
            title: row.title(),
            part,
        });
    }
    board.word(Word::Value).store(STOP, Relaxed);
    for hog in hogs {
        hog.join().expect("a hog stops");
    }
    all
}

const STOP: u32 = u32::MAX;

fn run_until_told(board: Board) {
    // Where it is not allowed, the hogs share what is.
    let _ = rustix::thread::sched_setaffinity(None, &every_cpu());
    while board.word(Word::Value).load(Relaxed) != STOP {
        std::hint::spin_loop();
    }
}

/// The host's one CPU is inherited, and not meant for hogs.
fn every_cpu() -> rustix::thread::CpuSet {
    let mut set = rustix::thread::CpuSet::new();
    (0..core_process::cpu_count()).for_each(|cpu| set.set(cpu));
    set
}
