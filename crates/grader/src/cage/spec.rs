//! What is asked of the cage: the program, its surroundings and its budget.
//!
//! Plain values without a descriptor or a pointer, so that a grader can send them to the process that becomes the
//! warden. Nothing here knows how the limits are enforced.

use std::os::fd::RawFd;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::inject::Fault;

/// One run of one program.
///
/// ```
/// use grader::cage::{Budget, CageSpec};
/// use std::time::Duration;
///
/// let spec = CageSpec {
///     args: vec!["7".into()],
///     budget: Budget { deadline: Duration::from_secs(1), ..Budget::default() },
///     ..CageSpec::new("/bin/true")
/// };
/// assert!(spec.env.is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CageSpec {
    /// The program's file; it is not looked up in `PATH`.
    pub program: PathBuf,
    /// Its arguments, without the name at index 0 (that is the program's path).
    pub args: Vec<String>,
    /// Added to the environment, which is otherwise `PATH`, `HOME`, `TMPDIR` and `LANG` alone; wins over these.
    pub env: Vec<(String, String)>,
    /// What the program may use.
    pub budget: Budget,
    /// Descriptors of the warden that the program inherits under the same number. All others are closed at its exec.
    pub keep_open: Vec<RawFd>,
    /// What is to go wrong, and where.
    pub faults: Vec<Fault>,
    /// Where the facts come from.
    pub tracing: Tracing,
    /// How long descendants may outlive the main process before they are killed. They are leftovers all the same; this
    /// lets those that end because of the parent's death be told from those that stay.
    pub settle: Duration,
    /// How long a process takes to end that was killed.
    pub deaths: Deaths,
}

impl CageSpec {
    /// A run of `program` without arguments, with the default budget.
    pub fn new(program: impl Into<PathBuf>) -> CageSpec {
        CageSpec {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            budget: Budget::default(),
            keep_open: Vec::new(),
            faults: Vec::new(),
            tracing: Tracing::Auto,
            settle: Duration::from_millis(100),
            deaths: Deaths::Prompt,
        }
    }
}

/// What one run may use. The cage ends a run that takes more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Time without progress (an event of the journal or of the kernel) after which the run is suspected to hang; it is
    /// given up when still nothing happened at three times this.
    pub deadline: Duration,
    /// Time for the whole run, progress or not.
    pub total: Duration,
    /// Processes that exist at the same time, zombies included. Threads may be sixteen times as many.
    pub processes: u32,
    /// Bytes of memory of all processes together (a shared page counts once).
    pub memory: u64,
    /// Bytes on the standard output and the standard error together.
    pub output: u64,
}

impl Budget {
    /// Threads that may exist at the same time, in all processes together.
    pub fn threads(&self) -> u32 {
        self.processes.saturating_mul(16)
    }
}

impl Default for Budget {
    fn default() -> Budget {
        Budget {
            deadline: Duration::from_secs(1),
            total: Duration::from_secs(60),
            processes: 64,
            memory: 512 << 20,
            output: 256 << 10,
        }
    }
}

/// Where the cage learns what the kernel did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tracing {
    /// ptrace, or `/proc` where ptrace is forbidden.
    Auto,
    /// `/proc` alone: births and deaths are seen a few milliseconds late, and a process that lives for less than that
    /// is not seen at all.
    ProcOnly,
}

/// When a process ends that was killed by SIGKILL. Under `/proc` alone: as it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deaths {
    /// As it comes: within microseconds on an idle machine.
    Prompt,
    /// Not before all others wait for something or have gone on without its end: a new process has done something.
    /// So a program that does not wait for the end of what it killed is always found out.
    Slow,
}
