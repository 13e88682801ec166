//! A gate between processes: one side waits, the other lets it pass. Both are values that can be arguments.
//!
//! Invariant: each pass is one byte in a pipe, so a pass given early is not lost. A forked child has copies of both sides, so a
//! gate says nothing by being closed.
#![allow(dead_code, reason = "each test binary uses a part of this file")]
#![allow(clippy::unwrap_used, reason = "a test")]

use std::io::{PipeReader, PipeWriter, Read, Write};

use core_process::Fd;
use serde::{Deserialize, Serialize};

/// Lets the other side pass.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Opener(Fd<PipeWriter>);

/// Waits for a pass.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Gate(Fd<PipeReader>);

/// A new gate, closed.
pub(crate) fn gate() -> (Opener, Gate) {
    let (reader, writer) = std::io::pipe().unwrap();
    (Opener(Fd::from(writer)), Gate(Fd::from(reader)))
}

impl Opener {
    /// Lets one waiter pass.
    pub(crate) fn open(&self) {
        (&*self.0).write_all(b"x").unwrap();
    }
}

impl Gate {
    /// Waits for one pass.
    pub(crate) fn pass(&self) {
        (&*self.0).read_exact(&mut [0]).unwrap();
    }
}
