//! Lesson 4.1, solution: one failing order for each program that has one.

use super::check::Puzzle;

/// An order that makes the program fail.
// region answer
pub fn schedule(puzzle: Puzzle) -> Option<Vec<&'static str>> {
    let steps = match puzzle {
        // B reads before A writes, and writes after it: both of A's are lost.
        Puzzle::Counter => "a1 b1 a2 a3 a4 b2",
        // Both have looked before one of them sits down.
        Puzzle::Seat => "a1 a2 a3 a4 b1 b2 b3 b4 a5 a6 a7 b5 b6 b7",
        // Each has the lock that the other one needs.
        Puzzle::Locks => "a1 b1",
        // It has looked and does not sleep yet: the bell rings for nobody.
        Puzzle::Doorbell => "c1 c2 p1 p2 c3",
        // Both are ready, and neither waits yet.
        Puzzle::Start => "v1 w1 s1 s2 s3",
        // From the first step to the last the other one is kept out.
        Puzzle::Guarded => return None,
    };
    Some(steps.split(' ').collect())
}
// end region
