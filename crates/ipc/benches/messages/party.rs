//! The other players: processes, and threads for the games among threads. Each waits, asleep, for its next call, goes to the CPU it is
//! told, and plays when the game begins.

use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use core_process::{Child, Process};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use rustix::thread::CpuSet;

use crate::board::{Board, Word, sleep_while, spin_while, store_and_wake};
use crate::games::{Game, Player};
use crate::peers::ipc_channel::{self, Desk, Ends};
use crate::table::Table;

/// Where the players are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// All on one CPU: one runs, the others sleep.
    One,
    /// On two CPUs.
    Two,
    /// No guest, one CPU.
    Alone,
}

/// A number of a game by which a guest is sent home.
const HOME: u32 = u32::MAX;

/// The host, and its guests.
pub(crate) struct Party {
    table: Table,
    ends: Ends,
    processes: Vec<Guest<Child<()>>>,
    threads: Vec<Guest<Option<JoinHandle<()>>>>,
}

struct Guest<B> {
    board: Board,
    body: B,
}

impl Party {
    pub(crate) fn invite() -> Self {
        let table = Table::lay();
        stay_on(0);
        let desks = [(); 3].map(|()| Desk::open());
        let processes = desks.iter().zip(1_u32..).map(|(desk, seat)| {
            let board = Board::new();
            let recipe = Process::new(
                sit_as_process,
                (board.clone(), table.clone(), seat, desk.name.clone()),
            );
            Guest {
                board,
                body: recipe
                    .name(format!("guest {seat}"))
                    .start()
                    .expect("a guest starts"),
            }
        });
        let processes = processes.collect();
        let ends = ipc_channel::hand_out(desks);
        let threads = (1..=1).map(|seat| {
            let board = Board::new();
            let (theirs, table) = (board.clone(), table.clone());
            let body = std::thread::spawn(move || sit(&theirs, &table, seat, &Ends::default()));
            Guest {
                board,
                body: Some(body),
            }
        });
        Self {
            threads: threads.collect(),
            table,
            ends,
            processes,
        }
    }

    /// The player who calls the others.
    pub(crate) fn host(&self) -> Player<'_> {
        Player {
            table: &self.table,
            seat: 0,
            ends: &self.ends,
        }
    }

    /// Plays so many moves, after some that are not measured. Nanoseconds of one move.
    pub(crate) fn play(&self, game: Game, place: Place, moves: u32) -> f64 {
        self.play_once(game, place, moves / 8 + moves.min(4));
        self.play_once(game, place, moves)
    }

    fn play_once(&self, game: Game, place: Place, moves: u32) -> f64 {
        let call = self.call(game, place, moves);
        let began = Instant::now();
        call.begin();
        game.play(self.host(), moves);
        call.see_off();
        began.elapsed().as_secs_f64() * 1e9 / f64::from(moves)
    }

    /// Calls the guests of a game, and returns when they are there.
    pub(crate) fn call(&self, game: Game, place: Place, moves: u32) -> Call<'_> {
        self.table.board.store(Word::Turn, 0);
        let boards: Vec<&Board> = if game.is_of_threads() {
            self.threads.iter().map(|guest| &guest.board).collect()
        } else {
            self.processes.iter().map(|guest| &guest.board).collect()
        };
        let boards: Vec<&Board> = boards.into_iter().take(game.guests()).collect();
        for (board, seat) in boards.iter().zip(1_u32..) {
            board.store(Word::Game, game as u32);
            board.store(Word::Moves, moves);
            let cpu = match (place, seat) {
                (Place::Two, 1 | 2) => 1,
                _ => 0,
            };
            board.store(Word::Cpu, cpu);
            let is_asleep = place == Place::One || game.guests() > 1;
            board.store(Word::Asleep, u32::from(is_asleep));
            let ready = board.load(Word::Ready);
            store_and_wake(board.word(Word::Call), ready.wrapping_add(1));
            sleep_while(board.word(Word::Ready), ready);
        }
        Call { boards }
    }
}

/// A game that is about to begin.
pub(crate) struct Call<'a> {
    boards: Vec<&'a Board>,
}

impl Call<'_> {
    pub(crate) fn begin(&self) {
        for board in &self.boards {
            store_and_wake(board.word(Word::Go), board.load(Word::Call));
        }
    }

    /// Waits until the guests have ended the game. The CPU time of the first one.
    pub(crate) fn see_off(&self) -> Duration {
        for board in &self.boards {
            sleep_while(board.word(Word::Done), board.load(Word::Call).wrapping_sub(1));
        }
        let used = self.boards.first().map_or(0, |board| board.load(Word::Used));
        Duration::from_micros(u64::from(used))
    }
}

impl Drop for Party {
    fn drop(&mut self) {
        let processes = self.processes.iter().map(|guest| &guest.board);
        for board in processes.chain(self.threads.iter().map(|guest| &guest.board)) {
            board.store(Word::Game, HOME);
            let ready = board.load(Word::Ready);
            store_and_wake(board.word(Word::Call), ready.wrapping_add(1));
        }
        for guest in &self.processes {
            guest.body.join().expect("the guest goes home");
        }
        for body in self.threads.iter_mut().filter_map(|guest| guest.body.take()) {
            body.join().expect("the guest goes home");
        }
    }
}

fn sit_as_process(board: Board, table: Table, seat: u32, desk: String) {
    let ends = ipc_channel::fetch(desk);
    sit(&board, &table, seat, &ends);
}

/// A guest's life.
fn sit(board: &Board, table: &Table, seat: u32, ends: &Ends) {
    let mut call = 0;
    loop {
        sleep_while(board.word(Word::Call), call);
        let last = call;
        call = call.wrapping_add(1);
        let number = board.load(Word::Game);
        if number == HOME {
            return;
        }
        stay_on(board.load(Word::Cpu) as usize);
        let moves = board.load(Word::Moves);
        let used = cpu_time();
        store_and_wake(board.word(Word::Ready), call);
        match board.load(Word::Asleep) {
            0 => spin_while(board.word(Word::Go), last),
            _ => sleep_while(board.word(Word::Go), last),
        }
        Game::of_number(number).play(Player { table, seat, ends }, moves);
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
        // A guest inherits the host's one CPU, but may use all of the machine.
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
