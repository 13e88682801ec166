//! Lesson 4.1, another right answer: other orders, with the waits written out: a step that cannot be done yet is tried, and its
//! process sleeps.

use super::check::Puzzle;

/// An order that makes the program fail.
pub fn schedule(puzzle: Puzzle) -> Option<Vec<&'static str>> {
    match puzzle {
        Puzzle::Counter => Some(vec!["a1", "a2", "b1", "a3", "b2", "a4"]),
        Puzzle::Seat => Some(vec![
            "b1", "a1", "b2", "b3", "a1", "a2", "a3", "a4", "a5", "b4", "b5", "a6", "a7", "b5", "b6", "b7",
        ]),
        Puzzle::Locks => Some(vec!["b1", "a1", "b2", "a2", "b2"]),
        Puzzle::Doorbell => Some(vec!["c1", "p1", "c2", "p2", "c3"]),
        Puzzle::Start => Some(vec!["v1", "v2", "w1", "s1", "s2", "v2", "s3", "w2"]),
        Puzzle::Guarded => None,
    }
}
