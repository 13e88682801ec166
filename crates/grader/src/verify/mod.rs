//! A subject binary's test of itself: every case gets exactly what it must get.
//!
//! A right answer passes on all seeds; a stub fails; a wrong answer gets the verdict that its first line declares, again and
//! again from different seeds; an example prints what stands beside it. Each case is judged in a process of its own, several at
//! a time: most of them wait for a deadline or a death, and a wrong verdict never depends on which case runs beside it.

pub(crate) mod load;

use std::collections::VecDeque;
use std::io::{IsTerminal, Write};
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Instant;

use serde_json::json;

use crate::case::Expected;
use crate::entry::say;
use crate::judge::RUNS;
use crate::{Case, Report, Verdict};

/// Seeds for a right answer when the caller names no number.
const SEEDS: u64 = 20;
/// And where a look is enough.
const FEW_SEEDS: u64 = 5;
/// First seeds of the batches that a wrong answer is judged by.
const BATCHES: [u64; 3] = [0, 1001, 2002];
/// So many cases are judged at a time for each processor.
const PER_PROCESSOR: usize = 3;

/// What is to be verified, and how.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    pub(crate) lesson: Option<String>,
    /// Part of a case's title.
    pub(crate) filter: Option<String>,
    pub(crate) seeds: Option<u64>,
    pub(crate) care: Care,
    pub(crate) json: bool,
    /// Right answers alone, and the count of changed verdicts at the end.
    pub(crate) stress: bool,
    /// Twice as many busy processes as processors beside it.
    pub(crate) load: bool,
}

/// How often each case is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Care {
    /// Twenty seeds for a right answer, three batches of seeds for a wrong one: what a lesson has to stand.
    #[default]
    Whole,
    /// Five seeds, one batch: what a test of the library looks at, since `verify` does the rest.
    Brief,
}

/// How a case came out.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Outcome {
    expected: String,
    observed: String,
    ok: bool,
    detail: String,
}

/// Verifies, prints a line per case, and ends with success if all got what they must get.
pub(crate) fn run(cases: &'static [Case], wish: &Wish) -> Result<ExitCode, String> {
    let chosen: Vec<&'static Case> = cases.iter().filter(|case| wish.names(case)).collect();
    if let (Some(lesson), true) = (&wish.lesson, chosen.is_empty()) {
        return Err(format!("there is no lesson {lesson} here"));
    }
    let begun = Instant::now();
    let load = if wish.load {
        load::Load::start()?
    } else {
        load::Load::none()
    };
    let filtered = cases.len() - chosen.len();
    let (mut passed, mut failures) = (0, Vec::new());
    let total = chosen.len();
    if !wish.json {
        say(&format!("\nrunning {total} cases"))?;
    }
    judge_all(chosen, wish, |case, outcome| {
        if outcome.ok {
            passed += 1;
        } else {
            failures.push((case, outcome.clone()));
        }
        show(case, outcome, wish, passed + failures.len(), total)
    })?;
    let busy = load.size();
    drop(load);
    if !wish.json {
        for (case, outcome) in &failures {
            say(&format!(
                "\n---- {} ----\n{}",
                case.title(),
                outcome.detail.trim_end()
            ))?;
        }
        if wish.stress {
            say(&format!(
                "\n{busy} busy processes beside them: {} verdicts changed",
                failures.len()
            ))?;
        }
        say(&format!(
            "\ntest result: {}. {passed} passed; {} failed; 0 ignored; 0 measured; {filtered} filtered out; finished in {:.2}s\n",
            if failures.is_empty() { "ok" } else { "FAILED" },
            failures.len(),
            begun.elapsed().as_secs_f64()
        ))?;
    }
    Ok(if failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Wish {
    fn names(&self, case: &Case) -> bool {
        let right = || matches!(case.expected(), Ok(Expected::Pass));
        self.lesson.as_deref().is_none_or(|lesson| case.lesson == lesson)
            && self
                .filter
                .as_deref()
                .is_none_or(|filter| case.title().contains(filter))
            && (!self.stress || right())
    }
}

fn show(case: &Case, outcome: &Outcome, wish: &Wish, done: usize, total: usize) -> Result<(), String> {
    if wish.json {
        return say(&json!({
            "lesson": case.lesson, "case": case.name, "expected": outcome.expected, "observed": outcome.observed,
            "ok": outcome.ok, "detail": outcome.detail,
        })
        .to_string());
    }
    let result = if outcome.ok { "ok" } else { "FAILED" };
    say(&format!(
        "test {} ... {result} ({})",
        case.title(),
        outcome.observed
    ))?;
    let mut terminal = std::io::stderr();
    if terminal.is_terminal() {
        // Progress is a courtesy.
        let _ = write!(terminal, "\r{done}/{total}\r");
    }
    Ok(())
}

/// Judges the cases, several at a time, and tells each outcome in the order of their ends.
fn judge_all(
    cases: Vec<&'static Case>,
    wish: &Wish,
    mut told: impl FnMut(&'static Case, &Outcome) -> Result<(), String>,
) -> Result<(), String> {
    let queue = Mutex::new(VecDeque::from(cases));
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..core_process::usable_cpus() * PER_PROCESSOR {
            let (queue, sender) = (&queue, sender.clone());
            scope.spawn(move || {
                loop {
                    let Some(case) = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front() else {
                        return;
                    };
                    if sender.send((case, outcome(case, wish))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        receiver
            .iter()
            .try_for_each(|(case, outcome)| told(case, &outcome))
    })
}

fn outcome(case: &Case, wish: &Wish) -> Outcome {
    let (seeds, batches) = match wish.care {
        Care::Whole => (SEEDS, &BATCHES[..]),
        Care::Brief => (FEW_SEEDS, &BATCHES[..1]),
    };
    let seeds = wish.seeds.unwrap_or(seeds);
    match case.expected() {
        Err(mistake) => Outcome {
            expected: "?".into(),
            observed: "a mistake of the lesson".into(),
            ok: false,
            detail: mistake,
        },
        Ok(Expected::Pass) => one(case, "PASS", 0, seeds, Verdict::is_pass),
        Ok(Expected::Output) => one(case, "its output", 0, 1, Verdict::is_pass),
        Ok(Expected::Fail) => one(case, "a failure", 0, u64::from(RUNS), |verdict| {
            !verdict.is_pass()
        }),
        Ok(Expected::Verdict(declared)) => {
            let mut last = None;
            for &seed in batches {
                let outcome = one(case, declared.name(), seed, u64::from(RUNS), |verdict| {
                    verdict == declared
                });
                // A hang costs three deadlines each time.
                let enough = !outcome.ok || declared == Verdict::Hang && last.is_some();
                last = Some(outcome);
                if enough {
                    break;
                }
            }
            last.unwrap_or_else(|| unreachable!("there is a first batch"))
        }
    }
}

/// Judges a case once, in a process of its own.
fn one(case: &Case, expected: &str, seed: u64, runs: u64, holds: impl Fn(Verdict) -> bool) -> Outcome {
    let (observed, ok, detail) = match report(case, seed, runs) {
        Ok(report) => {
            let unmade = unmade(&report);
            // What this machine cannot show, a wrong answer cannot be caught at.
            let ok = holds(report.verdict) && unmade.is_none()
                || report.verdict.is_pass() && is_undecided(&report);
            let title = case
                .lesson()
                .map_or_else(|_| String::new(), |lesson| lesson.title);
            let detail = if ok {
                report.headline.clone()
            } else {
                crate::render(&report, &title, crate::Paint::Plain)
            };
            (report.verdict.to_string(), ok, unmade.unwrap_or(detail))
        }
        Err(problem) => ("no verdict".to_owned(), false, problem),
    };
    Outcome {
        expected: expected.to_owned(),
        observed,
        ok,
        detail,
    }
}

/// A check that a passing answer was never put to: the lesson promises what it does not look at.
fn unmade(report: &Report) -> Option<String> {
    let unmade = report
        .checks
        .iter()
        .find(|check| check.passed.is_none() && check.observed.is_empty())?;
    let id = &unmade.id;
    (report.verdict.is_pass())
        .then(|| format!("it passed, but no scenario made the check {id:?} that lesson.toml declares"))
}

/// Whether a check was skipped because this machine cannot show it.
fn is_undecided(report: &Report) -> bool {
    report
        .checks
        .iter()
        .any(|check| check.passed.is_none() && !check.observed.is_empty())
}

fn report(case: &Case, seed: u64, runs: u64) -> Result<Report, String> {
    let mut command = Command::new("/proc/self/exe");
    command.args(["check", "--json", "--lesson", case.lesson, "--case", case.name]);
    command.args(["--seed", &seed.to_string(), "--runs", &runs.to_string()]);
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("a judge cannot be started: {error}"))?;
    serde_json::from_slice(&output.stdout).map_err(|_| {
        format!(
            "the judge ended ({}) without a report\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    })
}
