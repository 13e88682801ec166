//! Lesson 2.7, exercise: how many workers are worth starting, for this work, here and now?

use super::check::{Kind, WAITING_PER_CORE};

/// The number of workers for `n_items` items of work of this kind.
pub fn plan_workers(kind: Kind, n_items: usize) -> usize {
    // One for each core that the caller may use, or `WAITING_PER_CORE` for each; never more than items, never none.
    match kind {
        Kind::Computes => n_items,
        Kind::Waits => WAITING_PER_CORE,
    }
}
