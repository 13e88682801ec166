//! Why nothing was put into a queue, or nothing was got from it.
//!
//! Invariant: as that of the crate's other errors: each is something that the caller can act upon.

use std::fmt;
use std::io;

use core_process::WaitError;
use core_process::codec::{DecodeError, EncodeError};

/// Why a value was not put. Nothing of it is in the queue.
#[derive(Debug)]
#[non_exhaustive]
pub enum PutError {
    /// There is no room, and the call does not wait (Python's `Full`).
    Full,
    /// The deadline passed before there was room (Python's `Full`, too).
    TimedOut,
    /// The stop token was stopped before there was room.
    Stopped,
    /// The queue was closed: nothing can be put any more.
    Closed,
    /// All consumers are gone: nobody can ever get the value. It is noticed when the queue is full, and when it needs more memory.
    Disconnected,
    /// The value cannot be encoded.
    Encode(EncodeError),
    /// The system refused: no memory for the value, or too many descriptors on their way.
    Os(io::Error),
}

/// Why no value was got.
#[derive(Debug)]
#[non_exhaustive]
pub enum GetError {
    /// Nothing is there, and the call does not wait (Python's `Empty`).
    Empty,
    /// The deadline passed before something came (Python's `Empty`, too).
    TimedOut,
    /// The stop token was stopped before something came.
    Stopped,
    /// The queue was closed, and everything that was put has been got.
    Closed,
    /// All producers are gone, and everything that was put has been got.
    Disconnected,
    /// A value was got that is none of the expected type. It is gone; the next one can be got.
    Decode(DecodeError),
    /// The descriptors of a value are not there: its producer does not keep to the protocol. The value is gone.
    DescriptorsLost,
    /// The system refused: this process has no memory or no descriptor for the value, which is still in the queue; or the
    /// memory of the queue was overwritten (`InvalidData`).
    Os(io::Error),
}

impl GetError {
    /// Whether nothing will ever come any more: the queue was closed, or all producers are gone, and it is empty.
    pub fn is_end(&self) -> bool {
        matches!(self, Self::Closed | Self::Disconnected)
    }
}

impl From<WaitError> for PutError {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::TimedOut => Self::TimedOut,
            WaitError::Stopped => Self::Stopped,
            WaitError::Os(error) => Self::Os(error),
        }
    }
}

impl From<WaitError> for GetError {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::TimedOut => Self::TimedOut,
            WaitError::Stopped => Self::Stopped,
            WaitError::Os(error) => Self::Os(error),
        }
    }
}

impl From<io::Error> for PutError {
    fn from(error: io::Error) -> Self {
        Self::Os(error)
    }
}

impl From<io::Error> for GetError {
    fn from(error: io::Error) -> Self {
        Self::Os(error)
    }
}

impl fmt::Display for PutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the queue is full"),
            Self::TimedOut => f.write_str("the queue had no room in time"),
            Self::Stopped => f.write_str("the wait for room in the queue was stopped by its stop token"),
            Self::Closed => f.write_str("the queue is closed: nothing can be put any more"),
            Self::Disconnected => f.write_str("all consumers are gone: nobody can get the value"),
            Self::Encode(error) => error.fmt(f),
            Self::Os(error) => write!(f, "nothing can be put into the queue: {error}"),
        }
    }
}

impl fmt::Display for GetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the queue is empty"),
            Self::TimedOut => f.write_str("nothing came into the queue in time"),
            Self::Stopped => f.write_str("the wait for a value was stopped by its stop token"),
            Self::Closed => f.write_str("the queue is closed, and everything that was put has been got"),
            Self::Disconnected => {
                f.write_str("all producers are gone, and everything that was put has been got")
            }
            Self::Decode(error) => error.fmt(f),
            Self::DescriptorsLost => f.write_str("the descriptors of a value are not there"),
            Self::Os(error) => write!(f, "nothing can be got from the queue: {error}"),
        }
    }
}

impl std::error::Error for PutError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Encode(error) => Some(error),
            Self::Os(error) => Some(error),
            _ => None,
        }
    }
}

impl std::error::Error for GetError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Decode(error) => Some(error),
            Self::Os(error) => Some(error),
            _ => None,
        }
    }
}
