//! From a file to a report: builds the answer's program and lets it judge itself in the grader's cage.
//!
//! Invariant: `learn/` is locked from the first write until the program runs, and no longer. A build that fails is a
//! report as well; an error is returned only when nothing could be decided. It does not know how a report is drawn.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use grader::Report;

use crate::answer::{Answer, Wish, choose};
use crate::build_report;
use crate::course::Course;
use crate::failure::Failure;
use crate::folder::Folder;
use crate::interrupt;
use crate::learn::package::{self, Place};
use crate::learn::progress::Progress;
use crate::learn::{Learn, fingerprint, lock};
use crate::screen::{Progress as Bar, complain};

/// What the command line says about the runs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Runs {
    /// Replays this seed.
    pub(crate) seed: Option<u64>,
    /// How many seeds for each scenario.
    pub(crate) runs: Option<u32>,
}

/// A report, and how it came about.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    /// What the grader says.
    pub(crate) report: Report,
    /// The file that was graded.
    pub(crate) answer: Answer,
    /// The crates that were compiled for it.
    pub(crate) compiled: Vec<String>,
    /// How long the build took.
    pub(crate) build: Duration,
}

/// Grades what `wish` names and notes the learner's progress.
pub(crate) fn judge(course: &Course, folder: &Folder, wish: &Wish, runs: Runs) -> Result<Judged, Failure> {
    let learn = Learn::of(course);
    let lesson = folder.lesson()?;
    let held = lock::take(&learn)?;
    let answer = choose(course, &learn, folder, wish)?;
    if let Some(told) = &answer.told {
        complain!("{told}\n");
    }
    if answer.place == Place::Learner {
        tell_of_a_new_stub(course, &learn, folder)?;
    }
    let began = Instant::now();
    let built = package::build(course, &learn, &held, folder, answer.place, &answer.file)?;
    let build = began.elapsed();
    let mut report = if built.success {
        let Some(program) = &built.executable else {
            return Err(Failure::tool("cargo built the answer but names no program"));
        };
        let mut command = Command::new(program);
        command.args(["check", "--lesson", &lesson.id, "--case", "answer", "--json"]);
        if let Some(seed) = runs.seed {
            command.args(["--seed", &seed.to_string()]);
        }
        if let Some(count) = runs.runs {
            command.args(["--runs", &count.to_string()]);
        }
        command
            .current_dir(&course.root)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let bar = Bar::spinner(format!("checking {}", folder.id));
        let mut program =
            interrupt::spawn(&mut command).map_err(|error| Failure::file("run", program, error))?;
        drop(held);
        let mut text = String::new();
        if let Some(mut output) = program.stdout.take() {
            output
                .read_to_string(&mut text)
                .map_err(|error| Failure::tool(format!("cannot read the report: {error}")))?;
        }
        let status = program
            .wait()
            .map_err(|error| Failure::tool(format!("cannot wait for the grader: {error}")))?;
        drop(bar);
        let mut report: Report = serde_json::from_str(&text).map_err(|error| {
            Failure::tool(format!("the grader ended ({status}) without a report: {error}"))
                .advise(text.trim().to_owned())
        })?;
        report
            .notes
            .extend(build_report::warnings(course, &answer.file, &built));
        report
    } else {
        drop(held);
        build_report::report(course, &lesson, &answer.file, &built)
    };
    report.checks.insert(0, build_report::compiles(&built));
    name_the_file(course, &answer, &mut report);
    if matches!(answer.place, Place::Learner | Place::Exercise) {
        note(&learn, folder, &report)?;
    }
    Ok(Judged {
        report,
        answer,
        compiled: built.compiled,
        build,
    })
}

/// The program knows the answer by the path that the compiler was given; the learner knows it by another.
fn name_the_file(course: &Course, answer: &Answer, report: &mut Report) {
    let shown = |text: &str| build_report::shown_path(course, &answer.file, text);
    report.headline = shown(&report.headline);
    report.location = report.location.as_deref().map(shown);
    let lines = report.interleaving.iter_mut().chain(&mut report.processes);
    for line in lines.chain(report.checks.iter_mut().map(|check| &mut check.observed)) {
        *line = shown(line);
    }
}

/// Says once that the lesson's stub is another one than the learner began from.
fn tell_of_a_new_stub(course: &Course, learn: &Learn, folder: &Folder) -> Result<(), Failure> {
    let progress = Progress::read(learn)?;
    let stub = fingerprint(&folder.text("exercise.rs")?);
    if progress.mark(folder.id).is_some_and(|mark| mark.stub != stub) {
        complain!(
            "The lesson has changed since you began: its stub is now {}.\n\
             Your file stays as it is. To begin anew (your text is kept): cargo xtask reset {}\n",
            course.shown(&folder.file("exercise.rs")),
            folder.id
        );
    }
    Ok(())
}

fn note(learn: &Learn, folder: &Folder, report: &Report) -> Result<(), Failure> {
    let held = lock::take(learn)?;
    let stub = fingerprint(&folder.text("exercise.rs")?);
    Progress::change(learn, &held, folder, |mark| {
        mark.stub = stub;
        mark.checks += 1;
        mark.verdict = Some(report.verdict);
        mark.passed |= report.verdict.is_pass();
    })?;
    Ok(())
}
