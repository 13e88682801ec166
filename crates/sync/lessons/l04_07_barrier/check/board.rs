//! `Board`: a row of cells that lives in rounds, as two pictures in shared memory; and the marks by which the checks see who was early.
//!
//! Invariant: it prevents nothing. A swap before all cells are computed, a cell that is computed twice in a round, and a swap in the
//! middle of somebody's computing are done as asked, and written down.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

use core_process::Signal;
use core_process::shm::Segment;
use grader::work::{Gate, Rendezvous, die, note};
use serde::{Deserialize, Serialize};

/// A ring of cells in shared memory: the present picture, and the next one that is computed from it. A copy is the same board.
#[derive(Debug, Serialize, Deserialize)]
pub struct Board {
    memory: Segment,
    cells: usize,
    plan: Plan,
}

/// A cell could not be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed;

/// What is going to happen on a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Plan {
    /// Nothing.
    Quiet,
    /// Every worker is late once: one in each round, in the middle of its first cell, until all others have come as far as they can.
    EachIsLate,
    /// The one who swaps is late, before it does.
    TheSwapIsLate,
    /// So many workers meet in the middle of their first cells.
    AllMeet { workers: u32 },
    /// In this round this cell cannot be computed.
    Fails { round: u64, cell: usize, how: How },
}

/// How a worker fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum How {
    IsTold,
    IsKilled,
}

/// Workers that are told apart.
const WORKERS: usize = 64;
/// In so many rounds the swap is late.
const LATE_SWAPS: u64 = 2;

/// How often the pictures were swapped: the number of the round.
const SWAPS: usize = 0;
const PIDS: usize = 8;
/// For each worker the round of its last cell, plus one.
const ROUNDS: usize = PIDS + 8 * WORKERS;
const CELLS: usize = ROUNDS + 8 * WORKERS;
/// Of a cell: two pictures, and the round after which it was last computed.
const CELL: usize = 24;

impl Clone for Board {
    fn clone(&self) -> Board {
        let memory = self.memory.try_clone();
        Board {
            memory: memory.expect("there is a descriptor and a mapping"),
            ..*self
        }
    }
}

/// What an answer uses.
impl Board {
    /// How many cells there are, numbered from 0.
    pub fn cells(&self) -> usize {
        self.cells
    }

    /// Computes a cell of the next picture from three cells of the present one.
    ///
    /// # Errors
    /// It cannot be computed, and so neither can the picture.
    #[track_caller]
    pub fn compute(&self, cell: usize) -> Result<(), Failed> {
        let round = self.rounds();
        let is_first = self.arrive(round, cell)?;
        let left = self.now(round, (cell + self.cells - 1) % self.cells);
        let right = self.now(round, (cell + 1) % self.cells);
        let next = rule(left, self.now(round, cell), right);
        if let Some(worker) = is_first {
            match self.plan {
                Plan::EachIsLate if worker as u64 == round => {
                    note("is late", cell as i64);
                    wait_for_all_others(round);
                }
                Plan::AllMeet { workers } if round == 0 => {
                    Rendezvous::named("first cells").meet(workers);
                }
                _ => {}
            }
        }
        // Acquire: pairs with the AcqRel of a swap.
        if self.rounds() != round {
            note("swapped under it", cell as i64);
        }
        self.picture(round + 1, cell).store(next, Relaxed);
        // AcqRel: who swaps sees the cell.
        if self.computed(cell).swap(round + 1, AcqRel) == round + 1 {
            note("twice", cell as i64);
        }
        Ok(())
    }

    /// Makes the next picture the present one, for all.
    #[track_caller]
    pub fn swap(&self) {
        let round = self.rounds();
        if self.plan == Plan::TheSwapIsLate && round < LATE_SWAPS {
            note("is late", -1);
            wait_for_all_others(round);
        }
        let missing = (0..self.cells).find(|cell| self.computed(*cell).load(Acquire) != round + 1);
        if let Some(cell) = missing {
            note("too early", cell as i64);
        }
        self.word(SWAPS).fetch_add(1, AcqRel);
        note("swap", round as i64 + 1);
    }

    /// Says that this worker computes; with its number if this is its first cell of the round.
    #[track_caller]
    fn arrive(&self, round: u64, cell: usize) -> Result<Option<usize>, Failed> {
        let Some(worker) = self.worker() else {
            return Ok(None);
        };
        let before = self.word(ROUNDS + 8 * worker).swap(round + 1, Relaxed);
        if before != round + 1 {
            note("begins", round as i64 + 1);
        }
        if let Plan::Fails {
            round: at,
            cell: which,
            how,
        } = self.plan
            && (at, which) == (round, cell)
        {
            note("fails", round as i64 + 1);
            match how {
                How::IsTold => return Err(Failed),
                How::IsKilled => die(Signal::KILL),
            }
        }
        Ok((before != round + 1).then_some(worker))
    }

    /// The number of this process among those that compute, in the order in which they came.
    fn worker(&self) -> Option<usize> {
        let me = u64::from(std::process::id());
        (0..WORKERS).find(|worker| {
            let claimed = self
                .word(PIDS + 8 * worker)
                .compare_exchange(0, me, Relaxed, Relaxed);
            claimed.is_ok() || claimed == Err(me)
        })
    }

    fn now(&self, round: u64, cell: usize) -> u64 {
        self.picture(round, cell).load(Relaxed)
    }

    /// A cell of the picture of this round; that of the round after is the other one.
    fn picture(&self, round: u64, cell: usize) -> &AtomicU64 {
        self.word(CELLS + CELL * cell + 8 * (round % 2) as usize)
    }

    /// The round after which a cell was last computed.
    fn computed(&self, cell: usize) -> &AtomicU64 {
        self.word(CELLS + CELL * cell + 16)
    }

    fn word(&self, offset: usize) -> &AtomicU64 {
        self.memory.atomic_u64(offset)
    }
}

/// What the checks use.
impl Board {
    pub(super) fn new(picture: &[u64], plan: Plan) -> Board {
        let cells = picture.len();
        let memory = Segment::create("board", CELLS + CELL * cells).expect("there is memory for it");
        let board = Board { memory, cells, plan };
        for (cell, value) in picture.iter().enumerate() {
            board.picture(0, cell).store(*value, Relaxed);
        }
        board
    }

    /// The rounds that it has lived through.
    pub(super) fn rounds(&self) -> u64 {
        // Acquire: pairs with the AcqRel of a swap.
        self.word(SWAPS).load(Acquire)
    }

    /// The present picture.
    pub(super) fn present(&self) -> Vec<u64> {
        let round = self.rounds();
        (0..self.cells).map(|cell| self.now(round, cell)).collect()
    }
}

/// What a cell is next.
fn rule(left: u64, own: u64, right: u64) -> u64 {
    // Warmth flows to where it is colder; the odd number keeps pictures from becoming all alike.
    (left + 2 * own + right) / 4 + left % 7
}

/// The picture after so many rounds, computed by one.
pub(super) fn alone(picture: &[u64], rounds: u64) -> Vec<u64> {
    let mut now = picture.to_vec();
    let cells = now.len();
    for _ in 0..rounds {
        let next = |cell: usize| {
            rule(
                now[(cell + cells - 1) % cells],
                now[cell],
                now[(cell + 1) % cells],
            )
        };
        now = (0..cells).map(next).collect();
    }
    now
}

/// Holds the caller until no other process can do anything without it.
fn wait_for_all_others(round: u64) {
    // Nobody opens it: it is left when all others sleep or are gone.
    Gate::named("all others").number(round).wait();
}
