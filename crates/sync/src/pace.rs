//! How long a sleep may last before it looks again, and when a wait is over.
//!
//! Invariant: no sleep is without end. A wake-up can be lost with the process that owed it, a stop token cannot be slept on
//! together with a word, and the death of a process that has a place in an object wakes nobody: all three are seen by looking again.

use std::time::Duration;

use core_process::{Until, WaitError};

/// Where only a lost wake-up is to be feared.
const LONGEST: Duration = Duration::from_millis(200);
/// Where a stop token or the death of another process is to be noticed.
const WATCHFUL: Duration = Duration::from_millis(20);

/// What a sleeper has to notice by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watch {
    /// That a wake-up was lost.
    Wakes,
    /// That another process has died.
    Deaths,
}

/// Why a wait ended without what it waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    TimedOut,
    Stopped,
}

impl From<Over> for WaitError {
    fn from(over: Over) -> Self {
        match over {
            Over::TimedOut => Self::TimedOut,
            Over::Stopped => Self::Stopped,
        }
    }
}

/// How long to sleep before the next look.
///
/// # Errors
/// The wait is over: its token was stopped, or else its deadline has passed.
pub(crate) fn next_sleep(until: &Until, watch: Watch) -> Result<Duration, Over> {
    let longest = match (until.token(), watch) {
        (None, Watch::Wakes) => LONGEST,
        (Some(_), _) | (None, Watch::Deaths) => WATCHFUL,
    };
    if until.token().is_some_and(core_process::StopToken::is_stopped) {
        return Err(Over::Stopped);
    }
    match until.remaining() {
        Some(Duration::ZERO) => Err(Over::TimedOut),
        Some(left) => Ok(longest.min(left)),
        None => Ok(longest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core_process::StopSource;

    #[test]
    fn every_sleep_is_bounded_and_ends_with_the_wait() {
        assert_eq!(next_sleep(&Until::forever(), Watch::Wakes), Ok(LONGEST));
        assert_eq!(next_sleep(&Until::forever(), Watch::Deaths), Ok(WATCHFUL));
        assert_eq!(
            next_sleep(&Until::from(Duration::ZERO), Watch::Wakes),
            Err(Over::TimedOut)
        );
        let source = StopSource::new().unwrap();
        let token = source.token();
        assert_eq!(next_sleep(&Until::from(&token), Watch::Wakes), Ok(WATCHFUL));
        source.stop();
        assert_eq!(
            next_sleep(&Until::from((&token, Duration::ZERO)), Watch::Wakes),
            Err(Over::Stopped)
        );
    }
}
