//! `lesson.toml`: the only metadata of a lesson, read and checked.
//!
//! Invariant: a [`Lesson`] that exists is complete and consistent; a mistake in the file is an error that names the file, the
//! place and what to write instead. It does not know the lesson's code, nor the programme of the course.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use crate::Verdict;

/// A lesson's metadata.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lesson {
    /// Module and number: `"2.2"`.
    pub id: String,
    /// The folder's name without its number: `"child_processes"`.
    pub slug: String,
    /// English title.
    pub title: String,
    /// Russian title.
    pub title_ru: String,
    /// The Python name that the lesson is about.
    pub python: String,
    /// How long the lesson takes a learner, in minutes.
    pub minutes: u32,
    /// Lessons that it stands on.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Functions of the answer that are handed to `check::scenarios`, in order; `["main"]` for a program.
    pub entry: Vec<String>,
    /// True when the answer is a whole program: its `main` is run, without `core_process::init()` before it.
    #[serde(default)]
    pub program: bool,
    /// Three hints of rising strength.
    pub hints: Vec<String>,
    /// What a run may use.
    #[serde(default)]
    pub budget: Budget,
    /// The checks, in the order in which they decide.
    pub checks: Vec<Check>,
    /// What each verdict means in this lesson.
    #[serde(default)]
    pub verdicts: BTreeMap<Verdict, Meaning>,
}

/// What one run of an answer may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Budget {
    /// Run time without any progress, in milliseconds; a hang is confirmed at three times this.
    pub deadline_ms: u64,
    /// Run time of one run in all, in milliseconds.
    pub total_ms: u64,
    /// Processes alive at the same time.
    pub processes: u32,
    /// Memory of all processes together, in MiB.
    pub memory_mib: u64,
    /// Bytes on the standard streams together, in KiB.
    pub output_kib: u64,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget {
            deadline_ms: 1000,
            total_ms: 30_000,
            processes: 64,
            memory_mib: 512,
            output_kib: 256,
        }
    }
}

impl Budget {
    /// [`Budget::deadline_ms`] as a duration.
    pub fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms)
    }

    /// [`Budget::total_ms`] as a duration.
    pub fn total(&self) -> Duration {
        Duration::from_millis(self.total_ms)
    }
}

/// One check: an id for `Findings::check`, and the claim that a learner reads.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Short name, unique in the lesson.
    pub id: String,
    /// The sentence that is true of a right answer.
    pub claim: String,
}

/// What a verdict means in a lesson.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meaning {
    /// Why it happens, in one or two sentences.
    pub why: String,
    /// The heading of the section of the README to read again.
    #[serde(default)]
    pub reread: Option<String>,
}

impl Lesson {
    /// Reads a `lesson.toml`. `origin` is the file's path, for the message of an error.
    ///
    /// # Errors
    /// [`LessonError`] when it is not TOML of this shape, or is not consistent.
    ///
    /// # Example
    /// ```
    /// let error = grader::Lesson::parse("id = 2", "l02_02/lesson.toml").unwrap_err();
    /// assert!(error.to_string().starts_with("l02_02/lesson.toml"));
    /// ```
    pub fn parse(text: &str, origin: &str) -> Result<Lesson, LessonError> {
        let lesson: Lesson = toml::from_str(text).map_err(|error| LessonError {
            origin: origin.to_owned(),
            problem: error.to_string(),
        })?;
        match lesson.problem() {
            None => Ok(lesson),
            Some(problem) => Err(LessonError {
                origin: origin.to_owned(),
                problem,
            }),
        }
    }

    /// Module and number of the id: `(2, 11)` for `"2.11"`.
    pub fn number(&self) -> (u32, u32) {
        // `parse` refused every other form.
        number(&self.id).unwrap_or((0, 0))
    }

    /// The lesson's folder name: `"l02_02_child_processes"`.
    pub fn folder(&self) -> String {
        let (module, lesson) = self.number();
        format!("l{module:02}_{lesson:02}_{}", self.slug)
    }

    /// What `verdict` means here, if the lesson says it.
    pub fn meaning(&self, verdict: Verdict) -> Option<&Meaning> {
        self.verdicts.get(&verdict)
    }

    /// The first inconsistency, as a sentence.
    fn problem(&self) -> Option<String> {
        if number(&self.id).is_none() {
            return Some(format!("id = {:?}: write it as \"2.2\"", self.id));
        }
        if let Some(need) = self.needs.iter().find(|need| number(need).is_none()) {
            return Some(format!("needs has {need:?}: write a lesson's id, as \"2.1\""));
        }
        let word =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !word(&self.slug) {
            return Some(format!(
                "slug = {:?}: letters, digits and _ only, as in \"child_processes\"",
                self.slug
            ));
        }
        for (key, text) in [
            ("title", &self.title),
            ("title_ru", &self.title_ru),
            ("python", &self.python),
        ] {
            if text.trim().is_empty() {
                return Some(format!("{key} is empty"));
            }
        }
        if self.entry.is_empty() {
            return Some("entry is empty: name the answer's functions, as entry = [\"run_jobs\"]".into());
        }
        if self.program && self.entry != ["main"] {
            return Some("program = true asks for entry = [\"main\"]".into());
        }
        if self.hints.len() != 3 || self.hints.iter().any(|hint| hint.trim().is_empty()) {
            return Some(format!(
                "hints: three of rising strength are asked for, {} are there",
                self.hints.len()
            ));
        }
        if self.checks.is_empty() {
            return Some("a lesson without [[checks]] asserts nothing".into());
        }
        let mut seen = BTreeSet::new();
        for check in &self.checks {
            if check.id.trim().is_empty() || check.claim.trim().is_empty() {
                return Some(format!(
                    "check {:?}: id and claim must both say something",
                    check.id
                ));
            }
            if !seen.insert(&check.id) {
                return Some(format!("two checks have the id {:?}", check.id));
            }
        }
        for (verdict, meaning) in &self.verdicts {
            if meaning.why.trim().is_empty() {
                return Some(format!("[verdicts.{verdict}] why is empty"));
            }
        }
        let budget = &self.budget;
        if budget.deadline_ms == 0
            || budget.processes == 0
            || budget.memory_mib == 0
            || budget.output_kib == 0
        {
            return Some("[budget]: every limit must be above zero".into());
        }
        if budget.total_ms < 3 * budget.deadline_ms {
            return Some(
                "[budget] total_ms must be at least three times deadline_ms, or no hang can be confirmed"
                    .into(),
            );
        }
        None
    }
}

/// Splits `"2.11"`.
fn number(id: &str) -> Option<(u32, u32)> {
    let (module, lesson) = id.split_once('.')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(module) || !digits(lesson) {
        return None;
    }
    Some((module.parse().ok()?, lesson.parse().ok()?))
}

/// A `lesson.toml` that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LessonError {
    /// The file.
    pub origin: String,
    /// What is wrong, and what to write instead.
    pub problem: String,
}

impl fmt::Display for LessonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.problem)
    }
}

impl std::error::Error for LessonError {}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
id = "2.2"
slug = "child_processes"
title = "Child processes"
title_ru = "Дочерние процессы"
python = "multiprocessing.Process"
minutes = 25
needs = ["2.1"]
entry = ["run_jobs"]
hints = ["a", "b", "c"]
[budget]
deadline_ms = 500
[[checks]]
id = "width"
claim = "never more than `width` jobs run at once"
[verdicts.OVERSYNC]
why = "all are started at once"
reread = "Refill as soon as one ends"
"#;

    #[test]
    fn a_good_file_is_read_and_defaults_fill_the_budget() {
        let lesson = Lesson::parse(GOOD, "lesson.toml").unwrap();
        assert_eq!(lesson.number(), (2, 2));
        assert_eq!(lesson.folder(), "l02_02_child_processes");
        assert_eq!(
            lesson.budget,
            Budget {
                deadline_ms: 500,
                ..Budget::default()
            }
        );
        assert_eq!(
            lesson.meaning(Verdict::Oversync).unwrap().why,
            "all are started at once"
        );
        assert_eq!(lesson.meaning(Verdict::Hang), None);
    }

    #[test]
    fn every_mistake_is_named_with_the_file() {
        let cases = [
            ("id = \"2.2\"", "id = \"two\"", "write it as \"2.2\""),
            (
                "slug = \"child_processes\"",
                "slug = \"child processes\"",
                "letters, digits",
            ),
            ("title = \"Child processes\"", "", "missing field `title`"),
            ("minutes = 25", "minuts = 25", "unknown field `minuts`"),
            ("needs = [\"2.1\"]", "needs = [\"first\"]", "needs has \"first\""),
            ("entry = [\"run_jobs\"]", "entry = []", "entry is empty"),
            (
                "entry = [\"run_jobs\"]",
                "entry = [\"run_jobs\"]\nprogram = true",
                "entry = [\"main\"]",
            ),
            ("hints = [\"a\", \"b\", \"c\"]", "hints = [\"a\"]", "1 are there"),
            ("deadline_ms = 500", "deadline_ms = 0", "above zero"),
            (
                "deadline_ms = 500",
                "deadline_ms = 500\ntotal_ms = 1000",
                "three times",
            ),
            ("[verdicts.OVERSYNC]", "[verdicts.TOO_SLOW]", "TOO_SLOW"),
            (
                "[[checks]]",
                "[[checks]]\nid = \"width\"\nclaim = \"x\"\n[[checks]]",
                "two checks",
            ),
            (
                "claim = \"never more than `width` jobs run at once\"",
                "claim = \"\"",
                "must both say something",
            ),
        ];
        for (from, to, expected) in cases {
            let text = GOOD.replacen(from, to, 1);
            assert_ne!(text, GOOD, "the mistake {to:?} was not put in");
            let error = Lesson::parse(&text, "l02_02/lesson.toml")
                .unwrap_err()
                .to_string();
            assert!(error.starts_with("l02_02/lesson.toml: "), "{error}");
            assert!(error.contains(expected), "{to:?} gave: {error}");
        }
    }
}
