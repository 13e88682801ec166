//! expect: SERIAL
//! All use one board, so a lock protects it. Each worker computes while the others wait for the lock: p processes, and the speed of one.

use core_process::{Child, Process};
use sync::{Barrier, Lock};

use super::check::{Board, End};

pub fn run(board: Board, workers: usize, rounds: usize) -> Vec<End> {
    let barrier = Barrier::new(workers as u32).expect("there is memory for a barrier");
    let lock = Lock::new().expect("there is memory for a lock");
    let start = |worker: usize| {
        let share = (
            worker * board.cells() / workers,
            (worker + 1) * board.cells() / workers,
        );
        let work = Process::new(
            work,
            (board.clone(), barrier.clone(), lock.clone(), share, rounds),
        );
        work.start().expect("a process can be started")
    };
    let children: Vec<Child<End>> = (0..workers).map(start).collect();
    children
        .iter()
        .map(|child| child.join().unwrap_or(End::Died))
        .collect()
}

// region answer
fn work(board: Board, barrier: Barrier, lock: Lock, share: (usize, usize), rounds: usize) -> End {
    for _ in 0..rounds {
        let guard = lock.lock().unwrap_or_else(|died| died.repaired());
        for cell in share.0..share.1 {
            if board.compute(cell).is_err() {
                barrier.abort();
                return End::Failed;
            }
        }
        drop(guard);
        if barrier.wait_with(|| board.swap()).is_err() {
            return End::Stopped;
        }
    }
    End::Finished
}
// end region
