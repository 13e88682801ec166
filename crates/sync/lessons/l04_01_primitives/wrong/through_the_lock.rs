//! expect: RACE
//! Line by line through both processes: the second one is let through a lock that the first one has.

use super::check::Puzzle;

pub fn schedule(puzzle: Puzzle) -> Option<Vec<&'static str>> {
    match puzzle {
        Puzzle::Counter => Some(vec!["a1", "b1", "a2", "b2", "a3", "a4"]),
        // region answer
        Puzzle::Seat => Some(vec![
            "a1", "b1", "a2", "b2", "a3", "b3", "a4", "b4", "a5", "b5", "a6", "b6", "a7", "b7",
        ]),
        // end region
        Puzzle::Locks => Some(vec!["a1", "b1"]),
        Puzzle::Doorbell => Some(vec!["c1", "c2", "p1", "p2", "c3"]),
        Puzzle::Start => Some(vec!["v1", "w1", "s1", "s2", "s3"]),
        Puzzle::Guarded => None,
    }
}
