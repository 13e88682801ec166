//! expect: NOT_A_PROCESS
//! Threads are cheaper, and the barrier works between them as well. But a thread that dies takes all others along.

use std::thread;

use sync::Barrier;

use super::check::{Board, End};

// region answer
pub fn run(board: Board, workers: usize, rounds: usize) -> Vec<End> {
    let barrier = Barrier::new(workers as u32).expect("there is memory for a barrier");
    thread::scope(|scope| {
        let threads: Vec<_> = (0..workers)
            .map(|worker| {
                let (board, barrier) = (&board, &barrier);
                scope.spawn(move || work(board, barrier, worker, workers, rounds))
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or(End::Died))
            .collect()
    })
}
// end region

fn work(board: &Board, barrier: &Barrier, worker: usize, workers: usize, rounds: usize) -> End {
    for _ in 0..rounds {
        for cell in (worker..board.cells()).step_by(workers) {
            if board.compute(cell).is_err() {
                barrier.abort();
                return End::Failed;
            }
        }
        if barrier.wait_with(|| board.swap()).is_err() {
            return End::Stopped;
        }
    }
    End::Finished
}
