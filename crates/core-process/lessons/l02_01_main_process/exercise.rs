//! Lesson 2.1, exercise: say whether the calling process is the main one, and if not, how deep it stands.

use super::check::Who;

/// What the calling process is, whichever of its threads asks.
pub fn who() -> Who {
    // Right in the main process. The rest is yours.
    Who::Main
}
