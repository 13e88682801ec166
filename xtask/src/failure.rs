//! What stops a command: one kind, one exit status, one sentence, and what to do about it.
//!
//! Invariant: the exit statuses of failures (1 to 9) and of verdicts (0, 10 and above) never meet. It does not know
//! verdicts: a command that grades returns the verdict's own number.

use std::fmt;
use std::path::Path;

use crate::screen::{FAIL, complain};

/// Why a command stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Something under the tool failed: a file, cargo, the grader itself.
    Tool,
    /// The command line is wrong: an unknown option, an unknown lesson.
    Usage,
    /// The lesson stands in the programme but is not written yet.
    NotThereYet,
    /// A generated file is out of date.
    Stale,
    /// A rule of the workspace is broken.
    Rule,
    /// A lesson's answer did not get the verdict that it declares.
    Declared,
    /// A step of `ci` failed.
    Step,
    /// The command would show or throw away something that it should not yet.
    Refused,
    /// The machine lacks something that the course needs.
    Machine,
}

impl Kind {
    /// Every kind, in the order of the exit statuses.
    pub(crate) const ALL: [Kind; 9] = [
        Kind::Tool,
        Kind::Usage,
        Kind::NotThereYet,
        Kind::Stale,
        Kind::Rule,
        Kind::Declared,
        Kind::Step,
        Kind::Refused,
        Kind::Machine,
    ];

    /// The exit status.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Kind::Tool => 1,
            Kind::Usage => 2,
            Kind::NotThereYet => 3,
            Kind::Stale => 4,
            Kind::Rule => 5,
            Kind::Declared => 6,
            Kind::Step => 7,
            Kind::Refused => 8,
            Kind::Machine => 9,
        }
    }

    /// What the exit status says, for `explain`.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Kind::Tool => "the tool itself failed (a file, cargo, the grader); nothing was decided",
            Kind::Usage => "the command line is wrong, or the lesson does not exist",
            Kind::NotThereYet => "the lesson stands in the programme but is not written yet",
            Kind::Stale => "sync --check: a generated file is out of date",
            Kind::Rule => "tidy: a rule of the workspace is broken",
            Kind::Declared => "verify, stress: an answer did not get the verdict that its lesson declares",
            Kind::Step => "ci: a step failed",
            Kind::Refused => "refused: a solution before a pass, a reset of nothing, a lesson that exists",
            Kind::Machine => "doctor: this machine lacks something that the course needs",
        }
    }
}

/// A command's failure.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// Which kind: it decides the exit status.
    pub(crate) kind: Kind,
    message: String,
    advice: Option<String>,
}

impl Failure {
    /// A failure that says `message`.
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Failure {
        Failure {
            kind,
            message: message.into(),
            advice: None,
        }
    }

    /// The tool itself failed.
    pub(crate) fn tool(message: impl Into<String>) -> Failure {
        Failure::new(Kind::Tool, message)
    }

    /// An operation on a file failed.
    pub(crate) fn file(doing: &str, path: &Path, error: impl fmt::Display) -> Failure {
        Failure::tool(format!("cannot {doing} {}: {error}", path.display()))
    }

    /// The same failure, with what to do about it.
    pub(crate) fn advise(mut self, advice: impl Into<String>) -> Failure {
        self.advice = Some(advice.into());
        self
    }

    /// Prints it on standard error.
    pub(crate) fn show(&self) {
        complain!("{FAIL}error:{FAIL:#} {}", self.message);
        if let Some(advice) = &self.advice {
            complain!("{advice}");
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_statuses_differ_from_each_other_and_from_every_verdict() {
        let mut codes: Vec<u8> = Kind::ALL.into_iter().map(Kind::code).collect();
        codes.extend(grader::Verdict::ALL.into_iter().map(grader::Verdict::exit_code));
        let count = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), count);
    }
}
