//! A case: one variant of an answer to one lesson, and what is expected of it.
//!
//! Invariant: what a case must get follows from its name and, for a wrong one, from its first line; nothing else says it.

use crate::{Lesson, LessonError, Scenario, Verdict};

/// One variant of an answer, compiled into a subject binary.
pub struct Case {
    /// Id of the lesson.
    pub lesson: &'static str,
    /// `"exercise"`, `"solution"`, `"alt_.."`, `"wrong_.."`, `"example"`; `"answer"` for a learner's file.
    pub name: &'static str,
    /// The lesson's scenarios over this variant; none for an example.
    pub scenarios: fn() -> Vec<Scenario>,
    /// The example's `main`.
    pub main: Option<fn()>,
    /// The text of `lesson.toml`.
    pub toml: &'static str,
    /// The text of the variant, for its first line.
    pub source: &'static str,
    /// The lesson's folder.
    pub folder: &'static str,
}

/// What a case must get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// PASS on every seed.
    Pass,
    /// Anything but PASS.
    Fail,
    /// Exactly this.
    Verdict(Verdict),
    /// The output that stands beside it.
    Output,
}

impl Case {
    /// The lesson's metadata.
    pub(crate) fn lesson(&self) -> Result<Lesson, LessonError> {
        Lesson::parse(self.toml, &format!("{}/lesson.toml", self.folder))
    }

    /// What the case must get.
    ///
    /// # Errors
    /// A sentence, when a wrong answer does not say it, or the name has no meaning.
    pub(crate) fn expected(&self) -> Result<Expected, String> {
        match self.name {
            "example" => Ok(Expected::Output),
            "exercise" => Ok(Expected::Fail),
            "solution" | "answer" => Ok(Expected::Pass),
            name if name.starts_with("alt_") => Ok(Expected::Pass),
            name if name.starts_with("wrong_") => declared_verdict(self.source).map(Expected::Verdict),
            name => Err(format!(
                "a case named {name:?}: it must be exercise, solution, example, answer, alt_* or wrong_*"
            )),
        }
    }

    /// `lesson/name`, as it is printed.
    pub(crate) fn title(&self) -> String {
        format!("{} {}", self.lesson, self.name)
    }
}

/// The verdict on the first line of a wrong answer: `//! expect: RACE`.
fn declared_verdict(source: &str) -> Result<Verdict, String> {
    let first = source.lines().next().unwrap_or("");
    let Some(name) = first.strip_prefix("//! expect:") else {
        return Err(format!(
            "the first line of a wrong answer is `//! expect: VERDICT`, but it is {first:?}"
        ));
    };
    let verdict: Verdict = name
        .parse()
        .map_err(|error: crate::UnknownVerdict| error.to_string())?;
    if verdict.is_pass() || verdict == Verdict::Build {
        return Err(format!("a wrong answer cannot expect {verdict}"));
    }
    Ok(verdict)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_answer_says_its_verdict_on_the_first_line() {
        assert_eq!(
            declared_verdict("//! expect: RACE\n//! because"),
            Ok(Verdict::Race)
        );
        assert!(
            declared_verdict("fn main() {}")
                .unwrap_err()
                .contains("first line")
        );
        assert!(
            declared_verdict("//! expect: DEADLOCK")
                .unwrap_err()
                .contains("HANG")
        );
        assert!(
            declared_verdict("//! expect: PASS")
                .unwrap_err()
                .contains("cannot expect")
        );
    }
}
