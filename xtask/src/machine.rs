//! What this machine has: toolchain, kernel, permissions, cores, limits.
//!
//! Invariant: each thing is tried, not read off a version where trying is possible, and nothing is left behind by the try.
//! It does not know how the grader uses what it finds.

mod kernel;
mod limits;
mod tools;

use std::path::Path;

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// As it should be.
    Fine,
    /// The course does with less.
    Note,
    /// The course cannot do without it.
    Lacking,
}

impl Level {
    /// As it stands in JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Level::Fine => "ok",
            Level::Note => "note",
            Level::Lacking => "lacking",
        }
    }
}

/// A thing that was looked at.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    /// The thing.
    pub(crate) what: &'static str,
    /// How it is.
    pub(crate) level: Level,
    /// What was seen.
    pub(crate) observed: String,
    /// What to do, when it is not as it should be.
    pub(crate) advice: Option<String>,
}

/// Looks at everything.
pub(crate) fn examine(root: &Path) -> Vec<Finding> {
    vec![
        tools::toolchain(root),
        tools::linker(),
        kernel::kernel(),
        kernel::pidfd(),
        kernel::memfd(),
        kernel::tracing(),
        kernel::user_namespaces(),
        limits::cores(),
        limits::open_files(),
        limits::processes(),
        limits::memory(),
        limits::shared_memory(),
        tools::git(),
    ]
}

fn fine(what: &'static str, observed: impl Into<String>) -> Finding {
    Finding {
        what,
        level: Level::Fine,
        observed: observed.into(),
        advice: None,
    }
}

fn worse(what: &'static str, level: Level, observed: impl Into<String>, advice: &str) -> Finding {
    Finding {
        what,
        level,
        observed: observed.into(),
        advice: Some(advice.to_owned()),
    }
}
