//! Workloads: what the grader's own tasks are built of.
//!
//! A task that an answer must run is a function of the lesson's `check.rs`. It leaves notes, counts who is inside
//! ([`Gauge`]), holds a process until something has happened ([`Gate`]) and proves that processes really run at the same
//! time ([`Rendezvous`]). All of it lives in the journal's shared segment, so it works between any processes of a cage.
//!
//! Invariant: no primitive waits for ever, and none lets a clock decide. A wait ends when what it waits for has happened, or
//! when every other thread of the cage is asleep and stays so, so that it cannot happen any more (the file `quiet.rs`).
//! Outside a cage everything is a no-op and every meeting fails at once.

mod counter;
mod cpus;
mod die;
mod end_of_child;
mod gate;
mod gauge;
mod observe;
pub(crate) mod quiet;
mod rendezvous;
mod rest;
mod stance;
mod wait;

pub use counter::Counter;
pub use cpus::restrict_cpus;
pub use die::die;
pub use end_of_child::await_end_of_child;
pub use gate::Gate;
pub use gauge::{Gauge, Inside};
pub use observe::observe;
pub use rendezvous::Rendezvous;
pub use rest::{Rest, watch_rest};
pub use stance::{Stance, freeze, processor_time_of, stance, thaw};

pub(crate) use gate::GATE;
pub(crate) use gauge::{ENTER, LEAVE};
pub(crate) use observe::tell;
pub(crate) use quiet::{Motion, Others, children};
pub(crate) use rendezvous::MEET;
pub(crate) use rest::REST;

use std::panic::Location;

use core_process::probe::Phase;

use crate::journal::{Source, log};

/// Leaves a line in the journal: that this process came here, with a number of your choice.
///
/// Does nothing outside a cage.
#[track_caller]
pub fn note(name: &'static str, value: i64) {
    write(name, Phase::Point, "", 0, value, Some(Location::caller()));
}

/// Appends a line about a process, or another thing with a number and no name.
fn write_about(
    name: &'static str,
    phase: Phase,
    object: u64,
    value: i64,
    location: Option<&'static Location<'static>>,
) {
    write(name, phase, "", object, value, location);
}

/// Appends a line of the workload.
fn write(
    name: &'static str,
    phase: Phase,
    subject: &'static str,
    object: u64,
    value: i64,
    location: Option<&'static Location<'static>>,
) {
    if let Some(log) = log::attached() {
        log.append(&log::Line {
            source: Source::Work,
            phase,
            name,
            subject,
            object,
            value,
            location,
        });
    }
}
