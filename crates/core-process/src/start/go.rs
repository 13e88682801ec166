//! The parent's word to a child that was made without a pidfd: it runs on once the parent has opened one.
//!
//! Until then its pid cannot become another's, not even where `SIGCHLD` is ignored or somebody reaps every child: it has not
//! ended. If the parent dies meanwhile, the child goes on, and finds that out for itself.

use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::thread::futex;

use super::StartBlock;
use crate::sys::parent_death;

/// How often a child that waits looks whether its parent is still there.
const LOOK: Duration = Duration::from_millis(100);

/// In the child: waits for the parent's word, or for its end.
pub(super) fn wait(block: &StartBlock) {
    let look = futex::Timespec {
        tv_sec: 0,
        tv_nsec: LOOK.as_nanos() as _,
    };
    // Acquire: pairs with the Release of `give`; nothing but the word itself is read after it.
    while block.go().load(Ordering::Acquire) == 0 && parent_death::parent_pid() == block.header.parent {
        let _ = futex::wait(block.go(), futex::Flags::empty(), 0, Some(&look));
    }
}

/// In the parent: it has the pidfd.
pub(super) fn give(block: &StartBlock) {
    // Release: pairs with the Acquire in `wait`.
    block.go().store(1, Ordering::Release);
    let _ = futex::wake(block.go(), futex::Flags::empty(), 1);
}
