//! How a process stands: running, exited with a code, or ended by a signal.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Signal;
use crate::sys::pidfd::End;

/// Where a started process stands (CPython's `exitcode`: `None`, `n`, `-signal`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Status {
    /// It has not ended.
    Running,
    /// It ended by itself; the kernel keeps the low 8 bits of its code (256 becomes 0, -1 becomes 255).
    Exited(i32),
    /// A signal ended it.
    Signaled(Signal),
    /// It has ended, and somebody else took the status.
    Unknown,
}

impl Status {
    /// Whether it ended by itself with code 0.
    ///
    /// ```
    /// use core_process::{Signal, Status};
    /// assert!(Status::Exited(0).is_success());
    /// assert!(!Status::Exited(3).is_success());
    /// assert!(!Status::Signaled(Signal::KILL).is_success());
    /// ```
    pub fn is_success(self) -> bool {
        self == Self::Exited(0)
    }
}

impl From<End> for Status {
    fn from(end: End) -> Self {
        match end {
            End::Exited(code) => Self::Exited(code),
            End::Signaled(signal) => Signal::new(signal).map_or(Self::Unknown, Self::Signaled),
            End::Stolen => Self::Unknown,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running => f.write_str("is running"),
            Self::Exited(code) => write!(f, "exited with code {code}"),
            Self::Signaled(signal) => write!(f, "was ended by {signal}"),
            Self::Unknown => f.write_str("has ended (status unknown)"),
        }
    }
}
