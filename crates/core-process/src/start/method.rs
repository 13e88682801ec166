//! The three ways to start a process, and which of them is used where nothing is said.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Process, Target};

/// How a process is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum StartMethod {
    /// A fresh copy of this program, from the beginning of `main` to [`init`](crate::init). Slowest, and independent of all
    /// state of this process.
    Spawn,
    /// A small server, started once, forks each child. Fast, and independent of this process's memory and threads. Environment,
    /// directory, user and group are those of this process at the start of the child, the affinity is that of the thread that starts
    /// it; all else that a process inherits (limits, umask, priority, scheduling policy, control group, namespaces, filters of
    /// system calls) is what it had when the server was started. (A start that the server's `RLIMIT_NOFILE` or `RLIMIT_NPROC` refuses
    /// is tried once more by a new server, if this process has other ones by now.)
    ForkServer,
    /// A copy of this process. Fast where it is small; refused while it has more than one thread.
    Fork,
}

impl fmt::Display for StartMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spawn => "spawn",
            Self::ForkServer => "forkserver",
            Self::Fork => "fork",
        })
    }
}

impl std::str::FromStr for StartMethod {
    type Err = UnknownMethod;

    /// Parses CPython's names.
    fn from_str(name: &str) -> Result<Self, UnknownMethod> {
        let methods = [Self::Spawn, Self::ForkServer, Self::Fork];
        methods
            .into_iter()
            .find(|method| method.to_string() == name)
            .ok_or_else(|| UnknownMethod(name.to_owned()))
    }
}

/// There is no start method of this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownMethod(String);

impl fmt::Display for UnknownMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "there is no start method {:?}: it is spawn, forkserver or fork",
            self.0
        )
    }
}

impl std::error::Error for UnknownMethod {}

/// 0: nothing chosen; else the method's number and one.
static CHOSEN: AtomicU8 = AtomicU8::new(0);

fn code(method: StartMethod) -> u8 {
    method as u8 + 1
}

fn method_of(code: u8) -> Option<StartMethod> {
    [StartMethod::Spawn, StartMethod::ForkServer, StartMethod::Fork]
        .into_iter()
        .find(|method| self::code(*method) == code)
}

/// The methods that work here, the default first (CPython's `get_all_start_methods`, row C01). A program that is set-user-ID, or
/// has more privileges than its starter for another reason, has `fork` alone: the others start it again, and it must not
/// believe what it is started with.
pub fn available_methods() -> Vec<StartMethod> {
    let mut methods = Vec::with_capacity(3);
    if super::forkserver::availability().is_ok() {
        methods.push(StartMethod::ForkServer);
    }
    if super::spawn::availability().is_ok() {
        methods.push(StartMethod::Spawn);
    }
    methods.push(StartMethod::Fork);
    methods
}

/// The method that recipes use which name none: the one that was set, or the first of [`available_methods`].
pub fn start_method() -> StartMethod {
    method_of(CHOSEN.load(Ordering::Relaxed)).unwrap_or_else(|| available_methods()[0])
}

/// The method was set before, and to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlreadySet(pub StartMethod);

impl fmt::Display for AlreadySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the start method is {} already; a Context, or .method(..) of a recipe, chooses for one process",
            self.0
        )
    }
}

impl std::error::Error for AlreadySet {}

/// Sets the default of this process, once, in `main`: a library should use a [`Context`] (CPython row C03).
///
/// # Errors
/// [`AlreadySet`] if another one was set before.
pub fn set_start_method(method: StartMethod) -> Result<(), AlreadySet> {
    match CHOSEN.compare_exchange(0, code(method), Ordering::Relaxed, Ordering::Relaxed) {
        Err(before) if before != code(method) => Err(AlreadySet(method_of(before).unwrap_or(method))),
        _ => Ok(()),
    }
}

/// Forgets what was set (CPython's `set_start_method(None, force=True)`).
pub fn reset_start_method() {
    CHOSEN.store(0, Ordering::Relaxed);
}

/// A fixed choice of start method, to hand around instead of changing the process's default (CPython's `get_context`, row C05).
///
/// ```
/// use core_process::{Context, StartMethod};
///
/// fn main() {
///     core_process::init();
///     let context = Context::new(StartMethod::Spawn);
///     let child = context.process(|| core_process::current().start_method, ()).start().unwrap();
///     assert_eq!(child.join().unwrap(), Some(StartMethod::Spawn));
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    method: StartMethod,
}

impl Context {
    /// A context whose processes are started by `method`.
    pub const fn new(method: StartMethod) -> Self {
        Self { method }
    }

    /// Its method.
    pub const fn method(self) -> StartMethod {
        self.method
    }

    /// [`Process::new`] with this context's method.
    pub fn process<F, A, M>(self, target: F, args: A) -> Process<F, A, M>
    where
        F: Target<A, M>,
        A: Serialize + DeserializeOwned,
    {
        Process::new(target, args).method(self.method)
    }
}
