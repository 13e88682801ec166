//! Lesson 2.1, solution: the process was told its place when it was started.

use super::check::Who;

/// What the calling process is, whichever of its threads asks.
pub fn who() -> Who {
    match core_process::current().depth {
        0 => Who::Main,
        depth => Who::Child { depth },
    }
}
