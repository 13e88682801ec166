//! Lesson 4.7, another right answer: two waits a round, as where a barrier has no action; and the workers take cells in turn.
//!
//! Between the two waits one worker swaps, and nobody computes.

use core_process::{Child, Process};
use serde::{Deserialize, Serialize};
use sync::{Barrier, BarrierError};

use super::check::{Board, End, Failed};

/// Why a worker does not go on.
enum Over {
    Failed,
    Stopped,
}

impl From<Failed> for Over {
    fn from(_: Failed) -> Over {
        Over::Failed
    }
}

impl From<BarrierError> for Over {
    fn from(_: BarrierError) -> Over {
        Over::Stopped
    }
}

/// Breaks its barrier when it is dropped, a panic included. For those who have finished, nobody is left to notice.
struct Breaks<'a>(&'a Barrier);

impl Drop for Breaks<'_> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct Team {
    board: Board,
    barrier: Barrier,
    workers: usize,
    rounds: usize,
}

/// Lets the board live through the rounds with so many workers, and says how each one's work ended.
pub fn run(board: Board, workers: usize, rounds: usize) -> Vec<End> {
    let team = Team {
        board,
        barrier: Barrier::new(workers as u32).expect("there is memory for a barrier"),
        workers,
        rounds,
    };
    let children: Vec<Child<End>> = (0..workers)
        .map(|worker| Process::new(work, (team.clone(), worker)).start())
        .map(|child| child.expect("a process can be started"))
        .collect();
    let join = |child: &Child<End>| child.join().unwrap_or(End::Died);
    children.iter().map(join).collect()
}

fn work(team: Team, worker: usize) -> End {
    let breaks = Breaks(&team.barrier);
    match live(&team, worker) {
        Ok(()) => {
            std::mem::forget(breaks);
            End::Finished
        }
        Err(Over::Failed) => End::Failed,
        Err(Over::Stopped) => End::Stopped,
    }
}

fn live(team: &Team, worker: usize) -> Result<(), Over> {
    for _ in 0..team.rounds {
        for cell in (worker..team.board.cells()).step_by(team.workers) {
            team.board.compute(cell)?;
        }
        if team.barrier.wait()? == 0 {
            team.board.swap();
        }
        team.barrier.wait()?;
    }
    Ok(())
}
