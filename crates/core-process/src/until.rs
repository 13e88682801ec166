//! `Until`: how long a blocking call may wait. And `WaitError`: why it ended without what it waited for.
//!
//! Invariant: a deadline is a moment, fixed when the `Until` is made; a wait that is cut in pieces (by signals, by
//! other events) still ends then.

use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use crate::StopToken;

/// When a blocking call gives up: at a deadline, when a [`StopToken`] is stopped, at the first of both, or never.
///
/// A call takes `impl Into<Until>`, so a duration, a moment or a token is written as it is.
/// A duration counts from the conversion; a zero one looks once and does not wait.
/// A call that can be done at once is done, whatever the deadline and the token say.
///
/// ```
/// use core_process::{StopSource, Until};
/// use std::time::{Duration, Instant};
///
/// let source = StopSource::new()?;
/// let token = source.token();
/// for until in [Until::from(Duration::from_secs(5)), Until::from((&token, Duration::from_secs(5)))] {
///     assert!(until.remaining() <= Some(Duration::from_secs(5)));
/// }
/// assert_eq!(Until::from(&token).remaining(), None);
/// assert_eq!(Until::from(Instant::now()).remaining(), Some(Duration::ZERO));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Until {
    deadline: Option<Instant>,
    token: Option<StopToken>,
}

impl Until {
    /// No deadline and no token: the call ends when what it waits for happens, or cannot happen any more.
    pub const fn forever() -> Self {
        Self {
            deadline: None,
            token: None,
        }
    }

    /// The time until the deadline, zero when it has passed; `None` without a deadline.
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline
            .map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// What remains, for an observer: microseconds, -1 for ever.
    pub(crate) fn microseconds(&self) -> i64 {
        self.remaining()
            .map_or(-1, |left| i64::try_from(left.as_micros()).unwrap_or(i64::MAX))
    }

    /// The moment after which the call gives up; `None` without one.
    pub const fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// The token that ends the call; `None` without one.
    pub const fn token(&self) -> Option<&StopToken> {
        self.token.as_ref()
    }
}

impl From<Duration> for Until {
    fn from(time: Duration) -> Self {
        // A moment that the clock cannot express never comes.
        Self {
            deadline: Instant::now().checked_add(time),
            token: None,
        }
    }
}

impl From<Option<Duration>> for Until {
    /// `None` is for ever, as Python's `timeout=None`.
    fn from(time: Option<Duration>) -> Self {
        time.map_or(Self::forever(), Self::from)
    }
}

impl From<Instant> for Until {
    fn from(deadline: Instant) -> Self {
        Self {
            deadline: Some(deadline),
            token: None,
        }
    }
}

impl From<&StopToken> for Until {
    fn from(token: &StopToken) -> Self {
        Self {
            deadline: None,
            token: Some(token.clone()),
        }
    }
}

impl From<(&StopToken, Duration)> for Until {
    fn from((token, time): (&StopToken, Duration)) -> Self {
        Self {
            token: Some(token.clone()),
            ..Self::from(time)
        }
    }
}

impl From<(&StopToken, Instant)> for Until {
    fn from((token, deadline): (&StopToken, Instant)) -> Self {
        Self {
            deadline: Some(deadline),
            token: Some(token.clone()),
        }
    }
}

impl From<&Until> for Until {
    fn from(until: &Until) -> Self {
        until.clone()
    }
}

/// Why a wait ended without what it waited for.
#[derive(Debug)]
pub enum WaitError {
    /// The deadline passed. What was waited for may still come: waiting again is right.
    TimedOut,
    /// The [`StopToken`] was stopped.
    Stopped,
    /// The system refused to wait; waiting again would fail again.
    Os(io::Error),
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("the wait timed out"),
            Self::Stopped => f.write_str("the wait was stopped by its stop token"),
            Self::Os(error) => write!(f, "cannot wait: {error}"),
        }
    }
}

impl std::error::Error for WaitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Os(error) => Some(error),
            Self::TimedOut | Self::Stopped => None,
        }
    }
}

impl From<io::Error> for WaitError {
    fn from(error: io::Error) -> Self {
        Self::Os(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StopSource;

    #[test]
    fn a_duration_becomes_a_fixed_moment() {
        let before = Instant::now();
        let until = Until::from(Duration::from_secs(60));
        let deadline = until.deadline().unwrap();
        assert!(deadline >= before + Duration::from_secs(60));
        assert_eq!(Until::from(&until).deadline(), Some(deadline));
        assert!(until.remaining().unwrap() <= Duration::from_secs(60));
        assert_eq!(Until::from(before).remaining(), Some(Duration::ZERO));
    }

    #[test]
    fn a_duration_too_long_for_the_clock_is_for_ever() {
        assert_eq!(Until::from(Duration::MAX).deadline(), None);
        assert_eq!(Until::from(None).deadline(), None);
        assert_eq!(
            Until::from(Some(Duration::ZERO)).remaining(),
            Some(Duration::ZERO)
        );
    }

    #[test]
    fn a_token_is_kept_beside_the_deadline() {
        let source = StopSource::new().unwrap();
        let token = source.token();
        let moment = Instant::now();
        for until in [
            Until::from((&token, moment)),
            Until::from((&token, Duration::ZERO)),
            Until::from(&token),
        ] {
            assert!(!until.token().unwrap().is_stopped());
        }
        let until = Until::from((&token, moment));
        source.stop();
        assert!(until.token().unwrap().is_stopped());
        assert_eq!(until.deadline(), Some(moment));
        assert!(Until::forever().token().is_none());
    }
}
