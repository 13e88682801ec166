//! The rules of the workspace, as programs. `cargo xtask tidy` shows them, and a test of this crate runs them.
//!
//! Invariant: a rule reads and never writes; what it finds is a line that names the place and says what to do.

pub(crate) mod files;
mod heads;
mod layers;
mod lessons;
mod links;
mod source;
pub(crate) mod unsafe_code;

use crate::course::Course;
use crate::failure::Failure;
use crate::sync;

/// A rule.
pub(crate) struct Rule {
    /// What holds when it is kept.
    pub(crate) says: &'static str,
    /// Every place where it is broken.
    pub(crate) check: fn(&Course) -> Result<Vec<String>, Failure>,
}

/// Every rule.
pub(crate) const RULES: &[Rule] = &[
    Rule {
        says: "dependencies go one way, from layer to layer",
        check: layers::check,
    },
    Rule {
        says: "no banned crate is in Cargo.lock",
        check: layers::banned,
    },
    Rule {
        says: "unsafe code is opted into by file, and each block says what makes it sound",
        check: unsafe_code::check,
    },
    Rule {
        says: "every file begins with what it is, has a name that says it, and one concept",
        check: heads::check,
    },
    Rule {
        says: "every link in a Markdown file leads somewhere",
        check: links::check,
    },
    Rule {
        says: "every lesson has all its parts",
        check: lessons::check,
    },
    Rule {
        says: "generated files are up to date",
        check: generated,
    },
];

fn generated(course: &Course) -> Result<Vec<String>, Failure> {
    let stale = sync::stale(course)?;
    Ok(stale
        .iter()
        .map(|file| format!("{}: out of date; run cargo xtask sync", course.shown(&file.path)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test for each rule would check the same tree seven times; the message names the rule.
    #[test]
    fn the_workspace_keeps_every_rule() {
        let course = Course::here().unwrap();
        let mut broken = Vec::new();
        for rule in RULES {
            for problem in (rule.check)(&course).unwrap() {
                broken.push(format!("{}\n    {problem}", rule.says));
            }
        }
        assert!(broken.is_empty(), "\n{}", broken.join("\n"));
    }
}
