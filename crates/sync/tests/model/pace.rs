//! When a wait is over: a deadline is a number of sleeps here, since a model has no clock.

use std::time::Duration;

use core_process::Until;

use crate::stage;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watch {
    Wakes,
    Deaths,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    TimedOut,
}

/// The length says nothing; whether a bounded sleep ends by itself is the stage's affair.
pub(crate) fn next_sleep(until: &Until, _watch: Watch) -> Result<Duration, Over> {
    if until.deadline().is_none() {
        stage::sleep_on();
    } else if !stage::has_patience() {
        return Err(Over::TimedOut);
    }
    Ok(Duration::ZERO)
}
