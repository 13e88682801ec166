//! What a model explores: a small play, and how far.

use crate::stage::Stage;

/// A scene and how far it is explored.
pub(crate) struct Scene {
    pub(crate) name: &'static str,
    pub(crate) play: fn(&Stage),
    /// Preemptions, where nobody dies and every wake-up is owed.
    pub(crate) preemptions: usize,
    /// The processes that die, one in each run, at each of their steps. Process 1 is the main thread; the first that it starts is 2.
    pub(crate) victims: &'static [u32],
    /// Preemptions, where one of them dies.
    pub(crate) preemptions_with_death: usize,
}
