//! Lessons that grade themselves: runs the `verify` role of the subject programs and counts.
//!
//! Invariant: every case of a selected lesson is counted once; a case that the program does not report is an error.
//! What a case must get is decided by `grader`, not here.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::process::Stdio;

use serde::Deserialize;
use serde_json::json;

use crate::course::Course;
use crate::failure::Failure;
use crate::folder::{Folder, Role};
use crate::interrupt;
use crate::screen::Progress;
use crate::subject;

/// Which cases are checked, and beside what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Every case of the lesson.
    Whole,
    /// The right answers, beside twice as many busy processes as cores (the subject program starts and ends them).
    UnderLoad,
}

/// How a case came out.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Outcome {
    /// The case's name.
    pub(crate) case: String,
    /// What it had to get.
    pub(crate) expected: String,
    /// What it got.
    pub(crate) observed: String,
    /// True when it got what it had to get.
    pub(crate) ok: bool,
    /// More, when it did not.
    #[serde(default)]
    pub(crate) detail: String,
}

impl Outcome {
    /// What is said of a case that missed.
    pub(crate) fn told(&self) -> String {
        format!(
            "must get {}, got {}  {}",
            self.expected, self.observed, self.detail
        )
    }

    fn is_right_answer(&self) -> bool {
        self.case == "solution" || self.case.starts_with("alt_")
    }

    fn is_wrong_answer(&self) -> bool {
        self.case.starts_with("wrong_")
    }
}

/// The count over lessons.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Lessons that were checked.
    pub(crate) lessons: usize,
    /// Right answers that passed.
    pub(crate) right: usize,
    /// Wrong answers that got the verdict that they declare.
    pub(crate) wrong: usize,
    /// Cases that did not get what they had to.
    pub(crate) missed: usize,
    others: usize,
}

impl Tally {
    /// Counts a case.
    pub(crate) fn add(&mut self, outcome: &Outcome) {
        match outcome {
            missed if !missed.ok => self.missed += 1,
            right if right.is_right_answer() => self.right += 1,
            wrong if wrong.is_wrong_answer() => self.wrong += 1,
            _ => self.others += 1,
        }
    }

    /// All cases, stubs and examples included.
    pub(crate) fn cases(&self) -> usize {
        self.right + self.wrong + self.missed + self.others
    }

    /// The line that `verify` ends with.
    pub(crate) fn line(&self) -> String {
        format!(
            "{} lessons, {} right answers passed, {} wrong answers rejected as declared",
            self.lessons, self.right, self.wrong
        )
    }

    /// The same as an object.
    pub(crate) fn as_json(&self) -> serde_json::Value {
        json!({
            "lessons": self.lessons, "right_answers_passed": self.right,
            "wrong_answers_rejected": self.wrong, "missed": self.missed,
        })
    }
}

/// Builds the subject programs of the lessons' crates.
fn prepare(course: &Course, lessons: &[Folder]) -> Result<BTreeMap<String, PathBuf>, Failure> {
    let mut programs = BTreeMap::new();
    for folder in lessons {
        if !programs.contains_key(&folder.crate_name) {
            programs.insert(
                folder.crate_name.clone(),
                subject::build(course, &folder.crate_name)?,
            );
        }
    }
    Ok(programs)
}

/// Checks each lesson in order and tells `done` its cases.
pub(crate) fn each(
    course: &Course,
    lessons: &[Folder],
    manner: Manner,
    seeds: u32,
    bar: &Progress,
    mut done: impl FnMut(&Folder, &[Outcome]),
) -> Result<(), Failure> {
    let programs = prepare(course, lessons)?;
    for folder in lessons {
        bar.now(format!("verifying {}", folder.id));
        let outcomes = lesson(course, &programs[&folder.crate_name], folder, manner, seeds)?;
        bar.aside(|| done(folder, &outcomes));
        bar.step();
    }
    Ok(())
}

fn lesson(
    course: &Course,
    program: &PathBuf,
    folder: &Folder,
    manner: Manner,
    seeds: u32,
) -> Result<Vec<Outcome>, Failure> {
    let (id, seeds) = (folder.id.to_string(), seeds.to_string());
    let mut command = subject::role(
        course,
        program,
        &["verify", "--lesson", &id, "--seeds", &seeds, "--json"],
    );
    if manner == Manner::UnderLoad {
        command.args(["--stress", "--load"]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut running = interrupt::spawn(&mut command).map_err(|error| Failure::file("run", program, error))?;
    let mut text = String::new();
    if let Some(mut output) = running.stdout.take() {
        output
            .read_to_string(&mut text)
            .map_err(|error| Failure::tool(format!("cannot read the verdicts: {error}")))?;
    }
    let status = running
        .wait()
        .map_err(|error| Failure::tool(format!("cannot wait for the lessons: {error}")))?;
    let outcomes: Vec<Outcome> = text
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()
        .map_err(|error| {
            Failure::tool(format!(
                "lesson {id}: the verdicts cannot be read ({status}): {error}"
            ))
            .advise(text.clone())
        })?;
    let missing: Vec<String> = folder
        .variants()
        .into_iter()
        .filter(|variant| {
            manner == Manner::Whole || matches!(variant.role, Role::Solution | Role::Alternative)
        })
        .map(|variant| variant.name)
        .filter(|name| !outcomes.iter().any(|outcome| outcome.case == *name))
        .collect();
    if !missing.is_empty() {
        return Err(Failure::tool(format!(
            "lesson {id}: no verdict for {} ({status})",
            missing.join(", ")
        ))
        .advise("If a variant is new: cargo xtask sync"));
    }
    Ok(outcomes)
}
