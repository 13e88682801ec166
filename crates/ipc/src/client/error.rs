//! Why no connection was accepted, or made.
//!
//! Invariant: as that of `error.rs`. What a stranger does at a listener is no error of `accept`.

use std::fmt;
use std::io;

use core_process::WaitError;

/// Why no connection was accepted. The listener is as it was before.
///
/// What a peer does is never the reason: one that is silent, sends something else, has another key or has gone again costs the
/// caller no error and no time.
#[derive(Debug)]
#[non_exhaustive]
pub enum AcceptError {
    /// Nobody has connected who may, and the call does not wait.
    WouldBlock,
    /// The deadline passed before somebody had connected who may.
    TimedOut,
    /// The stop token was stopped before somebody had connected who may.
    Stopped,
    /// The system refused: this process has no descriptor free (`RLIMIT_NOFILE`), or there is no kernel memory.
    Os(io::Error),
}

/// Why there is no connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// The deadline passed before the listener had accepted.
    TimedOut,
    /// The stop token was stopped before the listener had accepted.
    Stopped,
    /// Nobody listens at that address: there is no such file, or its owner is dead.
    NobodyListens(io::Error),
    /// The listener is a process of this user, which is not one that was allowed.
    OtherUser(u32),
    /// The key is another one than the listener's (Python's `AuthenticationError`). So says the listener, or so it proves.
    WrongKey,
    /// The listener has closed the connection: it is gone, has no room, or does not allow this user.
    Closed,
    /// What listens there does not speak this protocol: it asks for no key, or is something else.
    Malformed,
    /// The system refused, or the network.
    Os(io::Error),
}

impl From<WaitError> for AcceptError {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::TimedOut => Self::TimedOut,
            WaitError::Stopped => Self::Stopped,
            WaitError::Os(error) => Self::Os(error),
        }
    }
}

impl From<WaitError> for ConnectError {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::TimedOut => Self::TimedOut,
            WaitError::Stopped => Self::Stopped,
            WaitError::Os(error) => Self::Os(error),
        }
    }
}

impl fmt::Display for AcceptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WouldBlock => f.write_str("nobody has connected"),
            Self::TimedOut => f.write_str("nobody connected in time"),
            Self::Stopped => f.write_str("the wait for a connection was stopped by its stop token"),
            Self::Os(error) => write!(f, "no connection can be accepted: {error}"),
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("the listener did not accept in time"),
            Self::Stopped => f.write_str("the wait for the listener was stopped by its stop token"),
            Self::NobodyListens(error) => write!(f, "nobody listens there: {error}"),
            Self::OtherUser(user) => write!(
                f,
                "the listener is a process of user {user}, which is not allowed"
            ),
            Self::WrongKey => f.write_str("the key is another one than the listener's"),
            Self::Closed => f.write_str("the listener has closed the connection before it accepted it"),
            Self::Malformed => f.write_str(
                "what listens there does not speak this protocol: it asks for no key, or is something else",
            ),
            Self::Os(error) => write!(f, "no connection can be made: {error}"),
        }
    }
}

impl std::error::Error for AcceptError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Os(error) => Some(error),
            _ => None,
        }
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NobodyListens(error) | Self::Os(error) => Some(error),
            _ => None,
        }
    }
}
