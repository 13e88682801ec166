//! expect: RACE
//! The barrier keeps the workers together, round by round, so it stands at the end of the round. The swap is before it, when some still
//! compute.

use core_process::{Child, Process};
use sync::Barrier;

use super::check::{Board, End};

pub fn run(board: Board, workers: usize, rounds: usize) -> Vec<End> {
    let barrier = Barrier::new(workers as u32).expect("there is memory for a barrier");
    let children: Vec<Child<End>> = (0..workers)
        .map(|worker| {
            let work = Process::new(work, (board.clone(), barrier.clone(), worker, workers, rounds));
            work.start().expect("a process can be started")
        })
        .collect();
    children
        .iter()
        .map(|child| child.join().unwrap_or(End::Died))
        .collect()
}

// region answer
fn work(board: Board, barrier: Barrier, worker: usize, workers: usize, rounds: usize) -> End {
    for _ in 0..rounds {
        for cell in (worker..board.cells()).step_by(workers) {
            if board.compute(cell).is_err() {
                barrier.abort();
                return End::Failed;
            }
        }
        if worker == 0 {
            board.swap();
        }
        if barrier.wait().is_err() {
            return End::Stopped;
        }
    }
    End::Finished
}
// end region
