//! Lesson 2.4, exercise: a child measures, saves and ticks, and nothing of what it measured is lost when it ends.

use super::check::measure;

/// The target of a child: takes the readings 0, 1, .. up to `readings`, has each saved, and returns their sum.
pub fn session(readings: u64) -> u64 {
    // `measure` belongs to this thread. `save` has to run in a thread that the process waits for, beside the next reading,
    // and `tick` in one that may be cut.
    (0..readings).map(|number| measure(number).value()).sum()
}
