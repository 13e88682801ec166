//! The library's events, seen where they happen: a workload can hold a process right after it has taken a lock.
//!
//! Invariant: the observer sees an event after the journal has it, in the thread that it happened in, and before the operation
//! goes on. So a [`Gate`](super::Gate) or a [`Rendezvous`](super::Rendezvous) in it holds the answer at a place that the answer
//! cannot avoid, whatever its own code looks like. It does not know what an event means.

use std::sync::OnceLock;

use core_process::probe::Event;

static OBSERVER: OnceLock<fn(&Event)> = OnceLock::new();

/// Calls `observer` at every event of the library in this process from now on. The first call in a process stays.
///
/// A process that is forked of this one has the observer as well; one that is started by another method has none.
/// The observer must not call the library itself.
pub fn observe(observer: fn(&Event)) {
    // A second observer would take the first one's events away.
    let _ = OBSERVER.set(observer);
}

/// Tells the observer, if there is one.
pub(crate) fn tell(event: &Event) {
    if let Some(observer) = OBSERVER.get() {
        observer(event);
    }
}
