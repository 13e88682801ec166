//! expect: WRONG
//! The update is as good as lost, so the rest is left out. But nothing has failed yet: B has still to write.

use super::check::Puzzle;

pub fn schedule(puzzle: Puzzle) -> Option<Vec<&'static str>> {
    match puzzle {
        Puzzle::Counter => Some(vec!["a1", "b1", "a2"]),
        Puzzle::Seat => Some(vec!["a1", "a2", "a3", "a4", "b1", "b2", "b3", "b4"]),
        Puzzle::Locks => Some(vec!["a1", "b1"]),
        Puzzle::Doorbell => Some(vec!["c1", "c2", "p1", "p2"]),
        Puzzle::Start => Some(vec!["v1", "w1", "s1", "s2", "s3"]),
        Puzzle::Guarded => None,
    }
}
