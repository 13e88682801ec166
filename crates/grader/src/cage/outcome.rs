//! What the cage saw: facts of the kernel, placed in the order of the journal.
//!
//! Values without a descriptor, so that the warden can send them to the grader. Nothing here judges: whether an orphan
//! is a mistake is the judge's business.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use core_process::{Signal, Status};

use super::diagnosis::{Diagnosis, End};
use crate::inject::Injected;

/// Everything that is known about one run after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CageOutcome {
    /// The process that the cage started.
    pub main_pid: i32,
    /// How the main process ended, whether by itself or by the cage's kill (then `ended` says why).
    pub exit: Option<Status>,
    /// Why the run is over.
    pub ended: Ended,
    /// Every process of the run in the order of birth; the main process is the first.
    pub processes: Vec<ProcessRecord>,
    /// The standard output, at most the budget's bytes of it; what is not UTF-8 is replaced.
    pub stdout: String,
    /// The standard error, likewise.
    pub stderr: String,
    /// What was still there when the main process had ended.
    pub leftovers: Leftovers,
    /// Faults that were injected, in the order in which they were.
    pub injected: Vec<Injected>,
    /// From the start to the end of the main process, or to the decision to end it.
    pub elapsed: Duration,
    /// Where the facts come from.
    pub tracer: Tracer,
}

/// Why a run is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Ended {
    /// The main process ended (by `exit`, or by a signal that the cage did not send).
    Exited,
    /// Nothing happened for three times the deadline.
    Hang(Diagnosis),
    /// More was used than the budget allows.
    Limit {
        /// Of what.
        what: Resource,
        /// How much was used when it was noticed: a count, bytes, or milliseconds.
        observed: u64,
        /// How much was allowed, in the same unit.
        allowed: u64,
    },
}

/// What a budget limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Resource {
    /// Processes at the same time.
    Processes,
    /// Threads at the same time.
    Threads,
    /// Bytes of memory.
    Memory,
    /// Bytes of output.
    Output,
    /// Milliseconds of the whole run.
    Time,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Resource::Processes => "processes",
            Resource::Threads => "threads",
            Resource::Memory => "bytes of memory",
            Resource::Output => "bytes of output",
            Resource::Time => "ms of run time",
        })
    }
}

/// One process of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessRecord {
    /// Its id.
    pub pid: i32,
    /// The process that was its parent at its birth: the forking one, or that one's parent for `CLONE_PARENT`.
    pub ppid: i32,
    /// The process whose call made it. Differs from `ppid` under a fork server. Equal to it when only `/proc` is known.
    /// Both are 0 if the parent had ended before it could be asked for.
    pub made_by: i32,
    /// The journal's position at its birth: every event before it happened before the process could run.
    pub forked_at: u64,
    /// Successful calls of `exec`. The main process has one, made by the cage.
    pub execs: u32,
    /// The journal's position at its end: the process wrote nothing later, and nobody had seen it dead before.
    pub ended_at: Option<u64>,
    /// How it ended; `None` if that is unknown (it can be under `/proc` alone).
    pub status: Option<Status>,
    /// The name that the kernel shows (`comm`): of its file, or as it has renamed itself.
    pub name: String,
    /// Signals that reached it, in order, apart from `SIGCHLD` and from what killed it outright (`SIGKILL`).
    pub signals: Vec<Delivered>,
}

/// A signal that was delivered to a process (to its handler, its default action, or nobody if ignored).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    /// Which.
    pub signal: Signal,
    /// The journal's position at delivery.
    pub at: u64,
}

/// What was still there when the main process had ended, or when the cage ended the run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftovers {
    /// Processes that were alive after the end of the main process.
    pub orphans: Vec<Orphan>,
    /// Processes that had ended and that nobody had waited for.
    pub zombies: Vec<Zombie>,
    /// Names in `/dev/shm` that the run has made and not removed.
    pub shm: Vec<Segment>,
    /// Files, relative to the private directory, that the run has made there and not removed.
    pub files: Vec<PathBuf>,
    /// Descriptors that the main process had open at its end, apart from the standard streams and those that it was given.
    /// Its end closed them, so they are no leftover of the run; to a function that should have closed them they are. Empty
    /// under `/proc` alone.
    pub open: Vec<End>,
}

impl Leftovers {
    /// Nothing was left behind, not for a moment. (Open descriptors of the main process do not count.)
    pub fn is_empty(&self) -> bool {
        self.orphans.is_empty() && self.zombies.is_empty() && self.shm.is_empty() && self.files.is_empty()
    }

    /// Orphans that did not end because of their parent's end: they had to be killed, or went on until they were done.
    pub fn abandoned(&self) -> impl Iterator<Item = &Orphan> {
        self.orphans
            .iter()
            .filter(|orphan| !(orphan.told.is_some() && orphan.ended.is_some()))
    }
}

/// A process that was alive after the end of the main process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orphan {
    /// Its id.
    pub pid: i32,
    /// The process that made it (as in [`ProcessRecord::made_by`]); 0 if that is unknown.
    pub made_by: i32,
    /// Its command line, or its name in brackets when that is empty.
    pub command: String,
    /// Its state then: the letter of `/proc/PID/stat`.
    pub state: char,
    /// It left the session of the main process (`setsid`).
    pub own_session: bool,
    /// It held the standard output or the standard error open.
    pub holds_output: bool,
    /// The signal that it got after the main process's end, other than the cage's kill; a parent-death signal shows
    /// here. Always `None` under `/proc` alone.
    pub told: Option<Signal>,
    /// How it ended within [`CageSpec::settle`](super::CageSpec::settle); `None`: it stayed, and the cage killed it.
    pub ended: Option<Status>,
}

/// A process that had ended and that nobody had waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zombie {
    /// Its id.
    pub pid: i32,
    /// Its parent, which should have waited; 0 if that is unknown.
    pub ppid: i32,
    /// Its name.
    pub name: String,
    /// How it had ended, if known.
    pub status: Option<Status>,
}

/// A name left in `/dev/shm`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The name, as `shm_open` takes it without the slash.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Processes that had it open or mapped when the main process ended.
    pub held_by: Vec<i32>,
    /// `/dev/shm` was private to the cage. If not, another program may have made it in the meantime.
    pub certain: bool,
}

/// Where the facts of an outcome come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tracer {
    /// ptrace: exact.
    Ptrace,
    /// `/proc` alone, and why: births and deaths are placed a few milliseconds late, and short lives may be missed.
    ProcOnly(String),
}
