//! A gauge counts who is inside a piece of work at the same time.
//!
//! Invariant: `enter` is written after the work was entered and `leave` before it is left. So two stays that overlap in the
//! journal did overlap, whatever the scheduler did; and a process that dies inside is taken out by the kernel's record of
//! its death, not by a counter that nobody decrements. The counting itself is done by the reader (`Evidence::gauge`).

use std::panic::Location;

use core_process::probe::Phase;

use super::write;

pub(crate) const ENTER: &str = "enter";
pub(crate) const LEAVE: &str = "leave";

/// Counts who is inside.
///
/// ```
/// use grader::work::Gauge;
///
/// fn work(job: u64) -> u64 {
///     let _inside = Gauge::named("jobs").enter();
///     job * 2
/// }
/// assert_eq!(work(21), 42);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Gauge {
    name: &'static str,
    number: u64,
}

/// A stay inside a [`Gauge`]; ends when it is dropped, or when the process dies.
#[derive(Debug)]
#[must_use = "the stay ends when this is dropped"]
pub struct Inside {
    gauge: Gauge,
    location: &'static Location<'static>,
}

impl Gauge {
    /// The gauge of this name, the same one in every process of the cage.
    pub const fn named(name: &'static str) -> Gauge {
        Gauge { name, number: 0 }
    }

    /// One of many gauges of the same name, as one per account.
    pub const fn number(self, number: u64) -> Gauge {
        Gauge { number, ..self }
    }

    /// Goes inside, until the returned value is dropped.
    #[track_caller]
    pub fn enter(self) -> Inside {
        let location = Location::caller();
        write(ENTER, Phase::Point, self.name, self.number, 0, Some(location));
        Inside {
            gauge: self,
            location,
        }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        write(
            LEAVE,
            Phase::Point,
            self.gauge.name,
            self.gauge.number,
            0,
            Some(self.location),
        );
    }
}
