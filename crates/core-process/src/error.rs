//! What can go wrong with a start and with a join: one type for each, which says what happened and what to do.

use std::fmt;
use std::io;

use crate::{Signal, Status};

/// A process could not be started. Nothing is left behind.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// [`init`](crate::init) has not been called in this process.
    NotInitialised,
    /// This process is a daemon, which its parent ends without asking; it may have no children of its own.
    Daemon,
    /// `fork` copies the calling thread alone: a lock that another thread holds would stay locked in the child for ever.
    ForkWithThreads {
        /// How many threads this process has.
        threads: usize,
    },
    /// The arguments could not be encoded.
    Argument(String),
    /// The target lies in a shared library, where its offset in the main image names nothing.
    NotInImage {
        /// The target's type.
        target: &'static str,
    },
    /// This start method does not work on this kernel.
    Unavailable {
        /// Which one.
        method: crate::StartMethod,
        /// Why.
        reason: String,
    },
    /// A limit of this process or its user is reached.
    Limit {
        /// The limit's name: `RLIMIT_NOFILE` (open descriptors) or `RLIMIT_NPROC` (processes and threads of this user).
        limit: &'static str,
        /// Its value now.
        value: u64,
    },
    /// The forkserver ended before it could start the child, twice.
    ForkServer {
        /// How it ended, or its panic in the preload function.
        cause: String,
    },
    /// The deadline of [`start_until`](crate::Process::start_until) has passed. There is no child, and there will be none.
    TimedOut {
        /// Whom it waited for, and what that did.
        waited_for: String,
    },
    /// The stop token of [`start_until`](crate::Process::start_until) was set. There is no child, and there will be none.
    Stopped,
    /// A system call failed.
    Os {
        /// What was being done.
        step: &'static str,
        /// The error.
        source: io::Error,
    },
}

impl StartError {
    /// Tells a limit from any other failure of a system call.
    pub(crate) fn os(step: &'static str, source: io::Error) -> Self {
        use nix::sys::resource::{Resource, getrlimit};
        let (limit, resource) = match source.raw_os_error() {
            Some(libc::EMFILE) => ("RLIMIT_NOFILE", Resource::RLIMIT_NOFILE),
            Some(libc::EAGAIN) if step == STEP_PROCESS => ("RLIMIT_NPROC", Resource::RLIMIT_NPROC),
            _ => return Self::Os { step, source },
        };
        match getrlimit(resource) {
            // No limit of ours: the control group's, or the kernel's.
            Ok((libc::RLIM_INFINITY, _)) => Self::Os { step, source },
            soft => Self::Limit {
                limit,
                value: soft.map_or(0, |(soft, _)| soft),
            },
        }
    }
}

impl From<crate::codec::EncodeError> for StartError {
    fn from(error: crate::codec::EncodeError) -> Self {
        match error {
            crate::codec::EncodeError::Descriptor(code) => Self::os(
                "duplicate a descriptor of the arguments",
                io::Error::from_raw_os_error(code),
            ),
            other => Self::Argument(other.to_string()),
        }
    }
}

/// The step that makes the process itself.
pub(crate) const STEP_PROCESS: &str = "make a process";

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInitialised => f.write_str(
                "a process was started before core_process::init() was called.\n\
                 A child runs this same program from the beginning of main, and init() is where it leaves main to run its \
                 target.\nWithout it, each child would start children of its own, without end. Make it the first line:\n\n    \
                 fn main() {\n        core_process::init();\n        ...\n    }\n\n\
                 (In tests and benchmarks, which have no main of their own: core_process::divert_before_main!();)",
            ),
            Self::Daemon => f.write_str(
                "a daemonic process may not have children: it is terminated when its parent ends, and they would be orphans. \
                 Start this process without .daemon()",
            ),
            Self::ForkWithThreads { threads } => write!(
                f,
                "fork is refused: this process has {threads} threads, and a child would have the calling one alone, with the \
                 locks of the others held for ever. Use StartMethod::ForkServer or StartMethod::Spawn"
            ),
            Self::Argument(why) => write!(f, "the arguments could not be encoded: {why}"),
            Self::NotInImage { target } => {
                write!(f, "the target {target} is not part of the main program (is it in a shared library?)")
            }
            Self::Unavailable { method, reason } => write!(f, "{method} is not available here: {reason}"),
            Self::Limit { limit, value } => write!(
                f,
                "{limit} is reached ({value}): {}",
                if *limit == "RLIMIT_NOFILE" {
                    "close descriptors, drop children that have ended, or raise it (ulimit -n)"
                } else {
                    "this user has as many processes and threads as allowed; join some, or raise it (ulimit -u)"
                }
            ),
            Self::ForkServer { cause } => write!(f, "the forkserver could not start the process: {cause}"),
            Self::TimedOut { waited_for } => write!(f, "no process was started in time: {waited_for}"),
            Self::Stopped => f.write_str("no process was started: the stop token was set before"),
            Self::Os { step, source } => {
                write!(f, "could not {step}: {source}")?;
                if source.raw_os_error() == Some(libc::EAGAIN) && *step == STEP_PROCESS {
                    f.write_str(": the control group (pids.max) or the kernel (threads-max, pid_max) allows no more")?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Os { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// A child ended without giving its target's value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChildError {
    /// It left by `exit` before the target returned.
    Exited {
        /// The exit code, 0 to 255.
        code: i32,
    },
    /// A signal ended it.
    Signaled {
        /// Which.
        signal: Signal,
    },
    /// The target panicked.
    Panicked {
        /// The panic's message.
        message: String,
        /// `file:line:column`, where known.
        location: Option<String>,
        /// The child's backtrace (resolved where `RUST_BACKTRACE` is set).
        backtrace: String,
    },
    /// It ended by itself and never reached [`init`](crate::init).
    NeverInitialised {
        /// How it ended.
        status: Status,
    },
    /// It reached `init` and could not make its environment: the working directory, a foreign build of the program.
    Setup {
        /// What failed.
        message: String,
    },
    /// The arguments could not be decoded in the child.
    Argument {
        /// Why.
        message: String,
    },
    /// The result could not be encoded, stored, sent or decoded.
    Result {
        /// Why.
        message: String,
    },
    /// It ended, but somebody else took its exit status (a `waitpid(-1)` of another library), and it left no result.
    StatusStolen,
    /// This process is not the one that started the child.
    NotParent {
        /// The pid of the one that did.
        creator: u32,
    },
    /// Waiting itself failed.
    Os {
        /// The error's number.
        code: i32,
    },
}

impl ChildError {
    pub(crate) fn os(error: &io::Error) -> Self {
        Self::Os {
            code: error.raw_os_error().unwrap_or(libc::EIO),
        }
    }
}

impl fmt::Display for ChildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited { code } => write!(f, "the process exited with code {code} before its target returned"),
            Self::Signaled { signal } => write!(f, "the process was ended by {signal}"),
            Self::Panicked { message, location: Some(location), .. } => {
                write!(f, "the process panicked at {location}: {message}")
            }
            Self::Panicked { message, location: None, .. } => write!(f, "the process panicked: {message}"),
            Self::NeverInitialised { status } => write!(
                f,
                "the process {status} without ever reaching core_process::init(): make it the first line of main, before anything \
                 that can return, exit or fail"
            ),
            Self::Setup { message } => write!(f, "the process could not be set up: {message}"),
            Self::Argument { message } => write!(f, "the arguments did not arrive: {message}"),
            Self::Result { message } => write!(f, "the result did not arrive: {message}"),
            Self::StatusStolen => f.write_str(
                "the process has ended, but its exit status was taken by somebody else (SIGCHLD ignored, or a waitpid(-1) in \
                 another library)",
            ),
            Self::NotParent { creator } => {
                write!(f, "only the process that started a child can wait for it (that was pid {creator})")
            }
            Self::Os { code } => write!(f, "could not wait for the process: {}", io::Error::from_raw_os_error(*code)),
        }
    }
}

impl std::error::Error for ChildError {}

/// A join with a limit gave no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JoinError {
    /// The time is over; the child still runs.
    TimedOut,
    /// The stop token was triggered; the child still runs.
    Stopped,
    /// The child ended without a value.
    Failed(ChildError),
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("the process is still running after the time allowed"),
            Self::Stopped => f.write_str("the wait was stopped; the process is still running"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for JoinError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Failed(error) => Some(error),
            Self::TimedOut | Self::Stopped => None,
        }
    }
}

impl From<ChildError> for JoinError {
    fn from(error: ChildError) -> Self {
        Self::Failed(error)
    }
}

/// A signal could not be sent.
#[derive(Debug)]
#[non_exhaustive]
pub enum SignalError {
    /// This process is not the one that started the child.
    NotParent {
        /// The pid of the one that did.
        creator: u32,
    },
    /// The kernel refused: no permission, or no such signal.
    Os(io::Error),
}

impl fmt::Display for SignalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotParent { creator } => {
                write!(
                    f,
                    "only the process that started a child can signal it by its handle (that was pid {creator})"
                )
            }
            Self::Os(error) => write!(f, "the signal could not be sent: {error}"),
        }
    }
}

impl std::error::Error for SignalError {}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};

    #[test]
    fn a_limit_that_is_not_there_is_not_blamed() {
        let error = StartError::os(STEP_PROCESS, io::Error::from_raw_os_error(libc::EAGAIN));
        let (limit, _) = getrlimit(Resource::RLIMIT_NPROC).unwrap();
        let named = if limit == RLIM_INFINITY {
            "pids.max"
        } else {
            "RLIMIT_NPROC"
        };
        assert!(error.to_string().contains(named), "{error}");
    }
}
