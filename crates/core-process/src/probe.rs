//! What the library does, told to one observer: a process starts, a join begins, a child is killed.
//!
//! The observer is a plain function installed for the whole process; the grader's journal is one.
//! Invariant: an event costs one relaxed load while nothing is installed, and emitting takes no lock and allocates
//! nothing, so it is allowed between `fork` and `exec` and in a signal handler if the sink is.
//! This file does not know which events exist: each is named where it happens.
#![allow(unsafe_code, reason = "a function pointer is kept in an atomic word")]

use std::mem;
use std::panic::Location;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering, fence};

/// Where in an operation an [`Event`] stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// The operation begins; an `End` of the same name follows on this thread, unless the process dies first.
    Begin,
    /// The operation has ended.
    End,
    /// Something that has no duration.
    Point,
}

/// One thing that the library did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened: `"start"`, `"join"`, `"kill"`.
    pub name: &'static str,
    /// Whether it begins, ends, or has no duration.
    pub phase: Phase,
    /// What it happened to; for events about a process, its pid.
    pub object: u64,
    /// A number whose meaning belongs to the event's name.
    pub value: i64,
    /// The caller's line, where the operation knows it.
    pub location: Option<&'static Location<'static>>,
}

/// The installed `fn(&Event)`, or null.
static SINK: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

/// Sends every later event of this process to `sink`; an earlier sink is replaced.
///
/// `sink` runs on the thread that the event happens on, inside the operation: it must be short, must not panic, and
/// must not call back into an operation that emits.
/// A child by `fork` or from the forkserver inherits the sink, a child by `spawn` does not.
///
/// ```
/// use core_process::probe::{self, Event, Phase};
/// use std::sync::atomic::{AtomicI64, Ordering};
///
/// static SUM: AtomicI64 = AtomicI64::new(0);
/// fn add_up(event: &Event) {
///     SUM.fetch_add(event.value, Ordering::Relaxed);
/// }
///
/// probe::emit("example", Phase::Point, 0, 5, None); // nobody listens yet
/// probe::install(add_up);
/// probe::emit("example", Phase::Point, 0, 7, None);
/// assert_eq!(SUM.load(Ordering::Relaxed), 7);
/// ```
pub fn install(sink: fn(&Event)) {
    // Release: what the installer wrote before is seen by a sink that runs after the fence in `deliver`.
    SINK.store(sink as *mut (), Ordering::Release);
}

/// Whether somebody listens: where an event would cost more than the operation that it tells of.
#[inline]
pub fn is_installed() -> bool {
    !SINK.load(Ordering::Relaxed).is_null()
}

/// Tells the installed sink, if there is one.
#[inline]
pub fn emit(
    name: &'static str,
    phase: Phase,
    object: u64,
    value: i64,
    location: Option<&'static Location<'static>>,
) {
    let sink = SINK.load(Ordering::Relaxed);
    if !sink.is_null() {
        deliver(
            sink,
            &Event {
                name,
                phase,
                object,
                value,
                location,
            },
        );
    }
}

#[cold]
fn deliver(sink: *mut (), event: &Event) {
    // Acquire: pairs with the Release store in `install`, whose value the caller has loaded.
    fence(Ordering::Acquire);
    // SAFETY: `SINK` holds null or a value that `install` made from a `fn(&Event)`, and the caller saw that it is
    // not null; a function pointer and a data pointer have one size on Linux.
    let sink = unsafe { mem::transmute::<*mut (), fn(&Event)>(sink) };
    sink(event);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    static FIRST: Mutex<Vec<Event>> = Mutex::new(Vec::new());
    static SECOND: Mutex<Vec<Event>> = Mutex::new(Vec::new());

    // Other tests of this process may emit too: each sink keeps the events of this test alone.
    fn first(event: &Event) {
        if event.name.starts_with("probe-test") {
            FIRST.lock().unwrap().push(*event);
        }
    }

    fn second(event: &Event) {
        if event.name.starts_with("probe-test") {
            SECOND.lock().unwrap().push(*event);
        }
    }

    #[test]
    fn events_reach_the_sink_installed_last() {
        emit("probe-test-before", Phase::Point, 1, 1, None);
        install(first);
        let here = Location::caller();
        emit("probe-test-a", Phase::Begin, 7, -3, Some(here));
        install(second);
        emit("probe-test-b", Phase::End, 8, 4, None);

        let a = Event {
            name: "probe-test-a",
            phase: Phase::Begin,
            object: 7,
            value: -3,
            location: Some(here),
        };
        let b = Event {
            name: "probe-test-b",
            phase: Phase::End,
            object: 8,
            value: 4,
            location: None,
        };
        assert_eq!(*FIRST.lock().unwrap(), [a]);
        assert_eq!(*SECOND.lock().unwrap(), [b]);
    }
}
