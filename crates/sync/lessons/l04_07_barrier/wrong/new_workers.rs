//! expect: LIMIT
//! A join waits for all as a barrier does, so each round has workers of its own. It is right, and pays for a start in each round.

use core_process::{Child, Process};

use super::check::{Board, End};

// region answer
pub fn run(board: Board, workers: usize, rounds: usize) -> Vec<End> {
    let mut ends = vec![End::Finished; workers];
    for _ in 0..rounds {
        let start = |worker: usize| {
            let work = Process::new(work, (board.clone(), worker, workers));
            work.start().expect("a process can be started")
        };
        let children: Vec<Child<End>> = (0..workers).map(start).collect();
        for (child, end) in children.iter().zip(&mut ends) {
            *end = child.join().unwrap_or(End::Died);
        }
        if ends.iter().any(|end| *end != End::Finished) {
            return ends
                .iter()
                .map(|end| if *end == End::Finished { End::Stopped } else { *end })
                .collect();
        }
        board.swap();
    }
    ends
}
// end region

fn work(board: Board, worker: usize, workers: usize) -> End {
    for cell in (worker..board.cells()).step_by(workers) {
        if board.compute(cell).is_err() {
            return End::Failed;
        }
    }
    End::Finished
}
