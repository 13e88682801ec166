//! `check-lesson`: the main job of the course. A file goes in, a verdict comes out.

use std::path::PathBuf;

use clap::Args;

use crate::answer::Wish;
use crate::course::Course;
use crate::failure::Failure;
use crate::folder::Folder;
use crate::judge::{Judged, Runs, judge};
use crate::learn::package::Place;
use crate::screen::{DIM, say};

/// Check your answer to a lesson. The exit status is the verdict's.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  cargo xtask check-lesson 2.2\n  cargo xtask check-lesson 2.2 --seed 7\n  \
                        cargo xtask check-lesson 2.2 --json --file /tmp/answer.rs\n\n\
                        Exit status: 0 on PASS, else the verdict's number: cargo xtask explain"
)]
pub(crate) struct CheckLesson {
    /// The lesson, such as 2.2.
    lesson: String,
    /// One JSON object instead of the picture.
    #[arg(long)]
    json: bool,
    /// Replay exactly this seed.
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,
    /// How many seeds to run for each scenario.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    runs: Option<u32>,
    /// Grade this file instead of the one in learn/.
    #[arg(long, value_name = "FILE", conflicts_with = "solution")]
    file: Option<PathBuf>,
    /// Grade the lesson's own solution.
    #[arg(long)]
    solution: bool,
}

impl CheckLesson {
    /// Grades, and returns the verdict's exit status.
    pub(crate) fn run(self, course: &Course) -> Result<u8, Failure> {
        let folder = course.lesson(&self.lesson)?;
        let wish = match self.file {
            Some(file) => Wish::File(file),
            None if self.solution => Wish::Solution,
            None => Wish::Learner,
        };
        let judged = judge(
            course,
            &folder,
            &wish,
            Runs {
                seed: self.seed,
                runs: self.runs,
            },
        )?;
        if self.json {
            say!("{}", as_json(course, &judged)?);
        } else {
            show(course, &folder, &judged);
        }
        Ok(judged.report.verdict.exit_code())
    }
}

/// The report, with the file that was graded and what was compiled for it.
fn as_json(course: &Course, judged: &Judged) -> Result<serde_json::Value, Failure> {
    let plain = serde_json::to_string(&judged.report).map_err(|error| Failure::tool(error.to_string()))?;
    let mut value: serde_json::Value =
        serde_json::from_str(&plain).map_err(|error| Failure::tool(error.to_string()))?;
    strip_colours(&mut value);
    if let Some(object) = value.as_object_mut() {
        object.insert("file".into(), course.shown(&judged.answer.file).into());
        object.insert("compiled".into(), judged.compiled.clone().into());
        object.insert("build_ms".into(), (judged.build.as_millis() as u64).into());
    }
    Ok(value)
}

fn strip_colours(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) if text.contains('\x1b') => {
            *text = anstream::adapter::strip_str(text).to_string();
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(strip_colours),
        serde_json::Value::Object(fields) => fields.values_mut().for_each(strip_colours),
        _ => {}
    }
}

/// Draws the report and says what comes next.
pub(crate) fn show(course: &Course, folder: &Folder, judged: &Judged) {
    // Without its metadata nothing would have been graded; the title is the programme's too.
    let title = course
        .programme()
        .find(folder.id)
        .map_or("", |(_, entry)| &entry.title);
    let picture = grader::render(&judged.report, title, grader::Paint::Colour);
    let again = format!("check-lesson {}", folder.id);
    let exactly = match judged.answer.place {
        Place::Learner | Place::Exercise => again.clone(),
        Place::Solution => format!("{again} --solution"),
        Place::File => format!("{again} --file {}", course.shown(&judged.answer.file)),
    };
    say!("{}", picture.trim_end().replace(&again, &exactly));
    if judged.report.verdict.is_pass() {
        say!(
            "{DIM}Next: cargo xtask next   Others' answers: cargo xtask solution {}{DIM:#}",
            folder.id
        );
    } else {
        say!(
            "{DIM}Stuck? cargo xtask hint {}   About this verdict: cargo xtask explain {}{DIM:#}",
            folder.id,
            judged.report.verdict
        );
    }
}
