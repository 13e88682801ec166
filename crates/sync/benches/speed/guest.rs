//! The other process of the games: it waits, asleep, for its next call, goes to the CPU it is told, and plays.

use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use core_process::{Child, Process};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use rustix::thread::CpuSet;

use crate::games::{self, Game, Side};
use crate::raw::{self, sleep_while, store_and_wake};
use crate::table::{Table, Word};

/// Where the players are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Both on one CPU: one runs, the other sleeps.
    One,
    /// On two CPUs.
    Two,
    /// No guest, one CPU.
    Alone,
}

/// A number of a game by which the guest is sent home.
const HOME: u32 = u32::MAX;

/// The guest, and the table at which it plays.
pub(crate) struct Guest {
    pub(crate) table: Table,
    process: Child<()>,
}

impl Guest {
    pub(crate) fn invite() -> Self {
        let table = Table::lay();
        raw::Mutex::of(&table.board).make();
        stay_on(0);
        let process = Process::new(sit, table.clone()).name("guest").start();
        Self {
            table,
            process: process.expect("the guest starts"),
        }
    }

    /// Plays so many moves, after some that are not measured. Nanoseconds of one move.
    pub(crate) fn play(&self, game: Game, place: Place, moves: u32) -> f64 {
        let before = moves / 8 + 4;
        if !game.is_for_two() {
            game.play(&self.table, Side::Host, before);
            let began = Instant::now();
            return each(began, game.play(&self.table, Side::Host, moves));
        }
        let call = self.call(game, place, before + moves);
        game.play(&self.table, Side::Host, before);
        if matches!(game, Game::LockOfTwo | Game::RobustMutexOfTwo) {
            return self.contend(game, call, moves);
        }
        let began = Instant::now();
        let made = game.play(&self.table, Side::Host, moves);
        let time = each(began, made);
        self.see_off(call);
        time
    }

    /// As [`play`](Self::play) where the guest makes moves as well, until it is stopped.
    fn contend(&self, game: Game, call: u32, moves: u32) -> f64 {
        // The moves before have stopped it.
        self.see_off(call);
        let call = self.call(game, Place::Two, moves);
        let began = Instant::now();
        let made = game.play(&self.table, Side::Host, moves);
        let time = began.elapsed();
        self.see_off(call);
        nanoseconds(time, made + self.table.board.word(Word::Count).load(Relaxed))
    }

    /// Calls the guest to a game and waits until it is there.
    pub(crate) fn call(&self, game: Game, place: Place, moves: u32) -> u32 {
        let board = &self.table.board;
        games::begin(&self.table);
        board.word(Word::Game).store(game as u32, Relaxed);
        board.word(Word::Moves).store(moves, Relaxed);
        let cpu = if place == Place::Two { 1 } else { 0 };
        board.word(Word::Cpu).store(cpu, Relaxed);
        let ready = board.word(Word::Ready).load(Relaxed);
        let call = board.word(Word::Call).load(Relaxed).wrapping_add(1);
        store_and_wake(board.word(Word::Call), call);
        sleep_while(board.word(Word::Ready), ready);
        call
    }

    /// Waits until the guest has ended the game.
    pub(crate) fn see_off(&self, call: u32) {
        sleep_while(self.table.board.word(Word::Done), call.wrapping_sub(1));
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let board = &self.table.board;
        board.word(Word::Game).store(HOME, Relaxed);
        let call = board.word(Word::Call).load(Relaxed).wrapping_add(1);
        store_and_wake(board.word(Word::Call), call);
        self.process.join().expect("the guest goes home");
    }
}

fn each(began: Instant, moves: u32) -> f64 {
    nanoseconds(began.elapsed(), moves)
}

fn nanoseconds(time: Duration, moves: u32) -> f64 {
    time.as_secs_f64() * 1e9 / f64::from(moves)
}

/// The guest's life.
fn sit(table: Table) {
    let board = &table.board;
    let mut call = 0;
    loop {
        sleep_while(board.word(Word::Call), call);
        call = call.wrapping_add(1);
        let number = board.word(Word::Game).load(Relaxed);
        if number == HOME {
            return;
        }
        stay_on(board.word(Word::Cpu).load(Relaxed) as usize);
        let moves = board.word(Word::Moves).load(Relaxed);
        let used = cpu_time();
        store_and_wake(board.word(Word::Ready), call);
        let made = Game::of_number(number).play(&table, Side::Guest, moves);
        board.word(Word::Count).store(made, Relaxed);
        let used = cpu_time().saturating_sub(used).as_micros();
        board
            .word(Word::Used)
            .store(u32::try_from(used).unwrap_or(u32::MAX), Relaxed);
        store_and_wake(board.word(Word::Done), call);
    }
}

/// Keeps this thread on one of the CPUs that it may use, counted from 0.
pub(crate) fn stay_on(which: usize) {
    static ALLOWED: std::sync::OnceLock<Vec<usize>> = std::sync::OnceLock::new();
    let allowed = ALLOWED.get_or_init(|| {
        let set = rustix::thread::sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
        // The guest inherits the host's one CPU, but may use all of the machine.
        let all = 0..core_process::cpu_count();
        if set.count() > 1 {
            all.filter(|cpu| set.is_set(*cpu)).collect()
        } else {
            all.collect()
        }
    });
    let mut set = CpuSet::new();
    set.set(allowed[which % allowed.len()]);
    // Where it is not allowed, the figures are those of wherever it runs.
    let _ = rustix::thread::sched_setaffinity(None, &set);
}

/// CPU time that this process has used.
fn cpu_time() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("a process may ask for its own use");
    let microseconds = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Duration::from_micros(microseconds.cast_unsigned())
}
