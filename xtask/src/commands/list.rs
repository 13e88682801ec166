//! `list`: the whole programme, what is there of it, and how far the learner is.

use clap::Args;
use serde_json::json;

use crate::course::Course;
use crate::failure::Failure;
use crate::learn::Learn;
use crate::learn::progress::{Mark, Progress};
use crate::programme::{Entry, Module};
use crate::screen::{DIM, FAIL, HEAD, OK, say};

/// Show the whole programme by module, with your progress.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cargo xtask list\n  cargo xtask list --ru\n  cargo xtask list --json")]
pub(crate) struct List {
    /// Titles in Russian.
    #[arg(long)]
    ru: bool,
    /// One JSON object: modules, lessons, progress.
    #[arg(long)]
    json: bool,
}

/// How a lesson stands.
enum State<'p> {
    NotThereYet,
    Untouched,
    Started(&'p Mark),
    Passed,
}

impl List {
    /// Shows it.
    pub(crate) fn run(self, course: &Course) -> Result<u8, Failure> {
        let progress = Progress::read(&Learn::of(course))?;
        let there: Vec<_> = course.lessons()?.into_iter().map(|folder| folder.id).collect();
        let state = |entry: &Entry| {
            if !there.contains(&entry.id) {
                return State::NotThereYet;
            }
            match progress.mark(entry.id) {
                Some(mark) if mark.passed => State::Passed,
                Some(mark) => State::Started(mark),
                None => State::Untouched,
            }
        };
        if self.json {
            say!("{}", as_json(course, state));
            return Ok(0);
        }
        for module in &course.programme().modules {
            self.module(course, module, &state);
        }
        let total = course.programme().lessons().count();
        let passed = course
            .programme()
            .lessons()
            .filter(|(_, entry)| progress.has_passed(entry.id))
            .count();
        say!(
            "{passed} passed, {} of {total} lessons are there (-- is not there yet).",
            there.len()
        );
        if !there.is_empty() {
            say!("{DIM}Go on with: cargo xtask next{DIM:#}");
        }
        Ok(0)
    }

    fn module<'p>(&self, course: &Course, module: &Module, state: &impl Fn(&Entry) -> State<'p>) {
        let title = if self.ru { &module.title_ru } else { &module.title };
        let missing = if course.has_crate(&module.crate_name) {
            ""
        } else {
            ", not there yet"
        };
        say!(
            "{HEAD}{}  {title}{HEAD:#}  {DIM}{}{missing}{DIM:#}",
            module.number,
            module.crate_name
        );
        for entry in &module.lessons {
            let title = if self.ru { &entry.title_ru } else { &entry.title };
            match state(entry) {
                State::NotThereYet => say!("{DIM}  --  {:5} {title}{DIM:#}", entry.id),
                State::Untouched => say!("      {:5} {title}", entry.id),
                State::Passed => say!("  {OK}ok{OK:#}  {:5} {title}", entry.id),
                State::Started(mark) => match mark.verdict {
                    Some(verdict) => say!("  ..  {:5} {title}  {FAIL}{verdict}{FAIL:#}", entry.id),
                    None => say!("  ..  {:5} {title}  (started)", entry.id),
                },
            }
        }
        say!("");
    }
}

fn as_json<'p>(course: &Course, state: impl Fn(&Entry) -> State<'p>) -> serde_json::Value {
    let modules: Vec<_> = course
        .programme()
        .modules
        .iter()
        .map(|module| {
            let lessons: Vec<_> = module
                .lessons
                .iter()
                .map(|entry| {
                    let (state, verdict) = match state(entry) {
                        State::NotThereYet => ("not-there-yet", None),
                        State::Untouched => ("untouched", None),
                        State::Started(mark) => ("started", mark.verdict),
                        State::Passed => ("passed", Some(grader::Verdict::Pass)),
                    };
                    json!({
                        "id": entry.id.to_string(), "title": entry.title, "title_ru": entry.title_ru,
                        "state": state, "verdict": verdict,
                    })
                })
                .collect();
            json!({
                "number": module.number, "title": module.title, "title_ru": module.title_ru,
                "crate": module.crate_name, "there": course.has_crate(&module.crate_name), "lessons": lessons,
            })
        })
        .collect();
    json!({ "modules": modules })
}
