//! A gate between processes: one side waits, the other lets it pass. Both are values that can be arguments.
//!
//! Invariant: each pass is one byte in a pipe, so a pass given early is not lost, and whoever waits for one that cannot come any
//! more fails instead of hanging.
#![allow(dead_code, reason = "each test binary uses a part of this file")]
#![allow(clippy::unwrap_used, reason = "a test")]

use std::io::{PipeReader, PipeWriter, Read, Write};
use std::time::{Duration, Instant};

use core_process::{Child, Fd, Signal, Status};
use serde::{Deserialize, Serialize};

/// Far longer than any test; a test that reaches it has failed.
pub(crate) const WATCHDOG: Duration = Duration::from_secs(60);

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
        self.try_pass().unwrap();
    }

    /// Waits for one pass; an error if nobody is left who could give it.
    pub(crate) fn try_pass(&self) -> std::io::Result<()> {
        (&*self.0).read_exact(&mut [0])
    }
}

/// Starts a child that opens a gate when it is where the test wants it; returns when it is there.
/// (A macro, since a target is a function item and no pointer.)
#[allow(unused_macros, reason = "each test binary uses a part of this file")]
macro_rules! child_at {
    ($target:expr, $value:expr) => {{
        let (opener, gate) = $crate::gate::gate();
        let recipe = core_process::Process::new($target, ($value, opener));
        let child = recipe.start().unwrap();
        drop(recipe);
        gate.pass();
        child
    }};
}
#[allow(unused_imports, reason = "as above")]
pub(crate) use child_at;

/// Kills a child and waits until it is gone.
pub(crate) fn kill<T: serde::de::DeserializeOwned>(child: &Child<T>) {
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap(), Status::Signaled(Signal::KILL));
}

/// Waits until the only thread of a child sleeps on a futex: the kernel's word, not ours.
pub(crate) fn until_asleep(pid: u32) {
    let path = format!("/proc/{pid}/syscall");
    let is_asleep = || {
        let call = std::fs::read_to_string(&path).unwrap();
        call.starts_with(&format!("{} ", libc::SYS_futex))
    };
    let watchdog = Instant::now() + WATCHDOG;
    while !is_asleep() {
        assert!(Instant::now() < watchdog, "process {pid} does not wait");
        std::thread::yield_now();
    }
}

/// Never returns: the child is killed here.
pub(crate) fn stay() -> ! {
    loop {
        std::thread::park();
    }
}
