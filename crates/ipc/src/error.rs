//! Why a message was not sent, or not received.
//!
//! Invariant: each variant is something that the caller can tell from the others and act upon, and none is a bare number.

use std::fmt;
use std::io;

use core_process::WaitError;
use core_process::codec::{DecodeError, EncodeError};
use core_process::shm::Loan;

/// Why a message was not sent. Nothing of it was; the connection is as it was before.
#[derive(Debug)]
#[non_exhaustive]
pub enum SendError {
    /// The peer's queue is full, and the call does not wait.
    WouldBlock,
    /// The deadline passed before there was room.
    TimedOut,
    /// The stop token was stopped before there was room.
    Stopped,
    /// The last receiver is gone: nobody can ever receive the message (a broken pipe).
    Disconnected,
    /// The value cannot be encoded.
    Encode(EncodeError),
    /// So many descriptors are in the value, and the connection is one over TCP, which carries none.
    Descriptors(usize),
    /// The message has more bytes than the connection carries.
    TooLong {
        /// Bytes of the message.
        len: u64,
        /// Bytes that are carried.
        most: usize,
    },
    /// The system refused: no memory or no descriptor for a large message, or too many descriptors on their way.
    Os(io::Error),
}

/// A [`Loan`] that was not sent, and why; it can be sent again.
#[derive(Debug)]
pub struct Unsent {
    /// Why it was not.
    pub error: SendError,
    /// What was to be sent, as it was.
    pub loan: Loan,
}

impl fmt::Display for Unsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Unsent {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// Why no message was received.
#[derive(Debug)]
#[non_exhaustive]
pub enum RecvError {
    /// No message is there, and the call does not wait.
    WouldBlock,
    /// The deadline passed before a message came.
    TimedOut,
    /// The stop token was stopped before a message came.
    Stopped,
    /// The last sender is gone, and everything that was sent has been received (Python's `EOFError`).
    Disconnected,
    /// A message has come that is no value of the expected type. It is gone; the next one can be received.
    Decode(DecodeError),
    /// Bytes have come where a value was expected, or a value where bytes were. The message is gone.
    OtherContent,
    /// The message has more bytes than the caller allows. It is gone.
    TooLong {
        /// Bytes of the message.
        len: u64,
        /// Bytes that were allowed.
        most: usize,
    },
    /// The buffer is too short; this is the whole message (Python's `BufferTooShort`).
    BufferTooShort(Vec<u8>),
    /// A packet has come that is no message: the peer does not keep to the protocol. It is gone, and everything that came with it
    /// is closed.
    Malformed(String),
    /// The system refused. If it had no descriptor or no memory for a message, the message is gone.
    Os(io::Error),
}

impl From<WaitError> for SendError {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::TimedOut => Self::TimedOut,
            WaitError::Stopped => Self::Stopped,
            WaitError::Os(error) => Self::Os(error),
        }
    }
}

impl From<WaitError> for RecvError {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::TimedOut => Self::TimedOut,
            WaitError::Stopped => Self::Stopped,
            WaitError::Os(error) => Self::Os(error),
        }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WouldBlock => f.write_str("there is no room for the message now"),
            Self::TimedOut => f.write_str("there was no room for the message in time"),
            Self::Stopped => f.write_str("the wait for room was stopped by its stop token"),
            Self::Disconnected => f.write_str("the last receiver is gone: nobody can receive the message"),
            Self::Encode(error) => error.fmt(f),
            Self::Descriptors(count) => write!(
                f,
                "{count} descriptors (of files, locks, ends of pipes) are in the value, and TCP carries none"
            ),
            Self::TooLong { len, most } => {
                write!(f, "the message has {len} bytes; the connection carries {most}")
            }
            Self::Os(error) => write!(f, "the message cannot be sent: {error}"),
        }
    }
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WouldBlock => f.write_str("no message is there now"),
            Self::TimedOut => f.write_str("no message came in time"),
            Self::Stopped => f.write_str("the wait for a message was stopped by its stop token"),
            Self::Disconnected => {
                f.write_str("the last sender is gone, and everything that was sent has been received")
            }
            Self::Decode(error) => error.fmt(f),
            Self::OtherContent => {
                f.write_str("bytes came where a value was expected, or a value where bytes were")
            }
            Self::TooLong { len, most } => write!(f, "a message of {len} bytes came; {most} are allowed"),
            Self::BufferTooShort(message) => {
                write!(
                    f,
                    "a message of {} bytes is longer than the buffer",
                    message.len()
                )
            }
            Self::Malformed(why) => write!(f, "what the peer sent is no message: {why}"),
            Self::Os(error) => write!(f, "no message can be received: {error}"),
        }
    }
}

impl std::error::Error for SendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Encode(error) => Some(error),
            Self::Os(error) => Some(error),
            _ => None,
        }
    }
}

impl std::error::Error for RecvError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Decode(error) => Some(error),
            Self::Os(error) => Some(error),
            _ => None,
        }
    }
}
