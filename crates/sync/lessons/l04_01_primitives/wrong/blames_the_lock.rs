//! expect: WRONG
//! Two processes and one counter, so there must be a race. The lock is not looked at: it covers the read and the write.

use super::check::Puzzle;

pub fn schedule(puzzle: Puzzle) -> Option<Vec<&'static str>> {
    match puzzle {
        Puzzle::Counter => Some(vec!["a1", "b1", "a2", "a3", "a4", "b2"]),
        Puzzle::Seat => Some(vec![
            "a1", "a2", "a3", "a4", "b1", "b2", "b3", "b4", "a5", "a6", "a7", "b5", "b6", "b7",
        ]),
        Puzzle::Locks => Some(vec!["a1", "b1"]),
        Puzzle::Doorbell => Some(vec!["c1", "c2", "p1", "p2", "c3"]),
        Puzzle::Start => Some(vec!["v1", "w1", "s1", "s2", "s3"]),
        Puzzle::Guarded => Some(vec!["a1", "a2", "b1", "a3", "a4", "b1", "b2", "b3", "b4"]),
    }
}
