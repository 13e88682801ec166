//! expect: HANG
//! A failure is a panic, and a panic ends the process, so the barrier must see it. It does not: a panic that unwinds drops the barrier
//! in good order, as a return does.

use core_process::{Child, Process};
use sync::Barrier;

use super::check::{Board, End};

pub fn run(board: Board, workers: usize, rounds: usize) -> Vec<End> {
    let barrier = Barrier::new(workers as u32).expect("there is memory for a barrier");
    let start = |worker: usize| {
        let share = (
            worker * board.cells() / workers,
            (worker + 1) * board.cells() / workers,
        );
        let work = Process::new(work, (board.clone(), barrier.clone(), share, rounds));
        work.start().expect("a process can be started")
    };
    let children: Vec<Child<End>> = (0..workers).map(start).collect();
    children
        .iter()
        .map(|child| child.join().unwrap_or(End::Died))
        .collect()
}

// region answer
fn work(board: Board, barrier: Barrier, share: (usize, usize), rounds: usize) -> End {
    for _ in 0..rounds {
        for cell in share.0..share.1 {
            board.compute(cell).expect("a cell can be computed");
        }
        if barrier.wait_with(|| board.swap()).is_err() {
            return End::Stopped;
        }
    }
    End::Finished
}
// end region
