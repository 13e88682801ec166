//! The judge: runs a case seed by seed in the cage, and makes one report of it.
//!
//! Invariant: the first run that fails decides, and its seed and scenario are in the report, so that it can be repeated.
//! A mistake of the lesson (an undeclared check, a value without JSON) is an error of the tool, never a verdict.

use std::time::{Duration, Instant};

use crate::cage::{CageOutcome, Tracer};
use crate::caged::{self, Caged};
use crate::decide::{self, Decision, Form};
use crate::findings::Findings;
use crate::journal::Journal;
use crate::scenario::Scenario;
use crate::{Case, CheckResult, Lesson, Report, Verdict, answer, example, timeline};

/// Seeds of a check when the caller names none: all the edges of every size are among them.
pub(crate) const RUNS: u32 = 8;

/// What is to be checked.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The first seed.
    pub(crate) seed: u64,
    /// So many seeds, one after the other.
    pub(crate) runs: u32,
    /// This scenario alone.
    pub(crate) scenario: Option<String>,
}

/// One run, judged.
struct Run {
    decision: Option<Decision>,
    /// `None`: the checks were not reached.
    found: Option<Findings>,
    elapsed: Duration,
    notes: Vec<String>,
}

/// Checks a case.
///
/// # Errors
/// A sentence about what is wrong with the lesson or with this machine; never about the answer.
pub(crate) fn check(case: &Case, plan: &Plan) -> Result<Report, String> {
    let lesson = case.lesson().map_err(|error| error.to_string())?;
    if case.main.is_some() {
        return example::check(case, &lesson);
    }
    let scenarios: Vec<Scenario> = (case.scenarios)()
        .into_iter()
        .filter(|scenario| plan.scenario.as_deref().is_none_or(|name| name == scenario.name))
        .collect();
    if scenarios.is_empty() {
        return Err(match &plan.scenario {
            Some(name) => format!("lesson {} has no scenario {name:?}", case.lesson),
            None => format!("lesson {} has no scenario", case.lesson),
        });
    }
    let mut report = blank(case, &lesson, plan.seed);
    let mut exhibits = Vec::new();
    for seed in (0..plan.runs.max(1)).map(|turn| plan.seed.wrapping_add(u64::from(turn))) {
        for scenario in &scenarios {
            let run = run(case, &lesson, scenario, seed)?;
            report.runs += 1;
            report.elapsed_ms += run.elapsed.as_millis() as u64;
            add(&mut report, &lesson, &run);
            if let Some(found) = run.found.as_ref().filter(|_| seed == plan.seed) {
                exhibits.extend_from_slice(found.exhibits());
            }
            if let Some(decision) = run.decision {
                report.seed = seed;
                report.scenario = Some(scenario.name.to_owned());
                conclude(&mut report, &lesson, decision);
                return Ok(report);
            }
        }
    }
    report.interleaving = exhibits;
    conclude_pass(&mut report);
    Ok(report)
}

/// A report of nothing yet.
pub(crate) fn blank(case: &Case, lesson: &Lesson, seed: u64) -> Report {
    let mut checks = vec![built_in(ENDS, "it ends, in every run")];
    checks.extend(lesson.checks.iter().map(|check| CheckResult {
        id: check.id.clone(),
        claim: check.claim.clone(),
        passed: None,
        observed: String::new(),
    }));
    checks.push(built_in(TIDY, "nothing is left behind"));
    Report {
        lesson: case.lesson.to_owned(),
        case: case.name.to_owned(),
        verdict: Verdict::Pass,
        headline: String::new(),
        checks,
        seed,
        scenario: None,
        runs: 0,
        elapsed_ms: 0,
        interleaving: Vec::new(),
        why: String::new(),
        location: None,
        reread: None,
        processes: Vec::new(),
        notes: Vec::new(),
    }
}

/// Checks that every lesson has without declaring them.
const ENDS: &str = "ends";
const TIDY: &str = "tidy";

fn built_in(id: &str, claim: &str) -> CheckResult {
    CheckResult {
        id: id.to_owned(),
        claim: claim.to_owned(),
        passed: None,
        observed: String::new(),
    }
}

/// Takes what a run found into the report's list of checks.
fn add(report: &mut Report, lesson: &Lesson, run: &Run) {
    for note in &run.notes {
        if !report.notes.contains(note) {
            report.notes.push(note.clone());
        }
    }
    let verdict = run.decision.as_ref().map(|decision| decision.verdict);
    let (ends, tidy) = match verdict {
        // The same verdicts are a lesson's to give for its own checks; then the run did end.
        Some(Verdict::Limit | Verdict::Hang | Verdict::Crash) if run.found.is_none() => (Some(false), None),
        Some(verdict) if is_leak(verdict) => (Some(true), Some(false)),
        Some(_) => (Some(true), None),
        None => (Some(true), Some(true)),
    };
    let last = report.checks.len() - 1;
    report.checks[0].passed = ends;
    report.checks[last].passed = tidy;
    for (check, result) in lesson.checks.iter().zip(&mut report.checks[1..]) {
        let Some(found) = &run.found else { continue };
        let Some(finding) = found.about(&check.id) else {
            continue;
        };
        // A check that held once and could not be decided another time did hold.
        if finding.held.is_some() || result.passed.is_none() {
            result.passed = finding.held.or(result.passed);
            result.observed.clone_from(&finding.observed);
        }
    }
}

fn is_leak(verdict: Verdict) -> bool {
    use Verdict::{LeakFd, LeakFile, LeakOrphan, LeakShm, LeakZombie};
    matches!(verdict, LeakZombie | LeakOrphan | LeakFd | LeakShm | LeakFile)
}

pub(crate) fn conclude(report: &mut Report, lesson: &Lesson, decision: Decision) {
    report.verdict = decision.verdict;
    report.headline = decision.headline;
    report.interleaving = decision.interleaving;
    report.processes = decision.processes;
    report.location = decision.place.as_ref().map(answer::shown);
    let meaning = lesson.meaning(decision.verdict);
    report.why = meaning.map_or_else(
        || decision.verdict.explanation().to_owned(),
        |meaning| meaning.why.clone(),
    );
    report.reread = meaning.and_then(|meaning| meaning.reread.clone());
    // The failing built-in check says what the headline says.
    for check in &mut report.checks {
        if matches!(check.id.as_str(), ENDS | TIDY) && check.passed == Some(false) {
            check.observed.clone_from(&report.headline);
        }
    }
}

pub(crate) fn conclude_pass(report: &mut Report) {
    report.headline = format!(
        "every check held in {} run{}",
        report.runs,
        if report.runs == 1 { "" } else { "s" }
    );
    let skipped: Vec<String> = report
        .checks
        .iter()
        .filter(|check| check.passed.is_none() && !check.observed.is_empty())
        .map(|check| format!("not checked here: {} ({})", check.claim, check.observed))
        .collect();
    report.notes.extend(skipped);
}

/// The timeline of one run, judged by nobody.
pub(crate) fn trace(case: &Case, seed: u64, scenario: Option<&str>) -> Result<Vec<String>, String> {
    let lesson = case.lesson().map_err(|error| error.to_string())?;
    let scenarios = (case.scenarios)();
    let scenario = match scenario {
        Some(name) => scenarios.iter().find(|scenario| scenario.name == name),
        None => scenarios.first(),
    };
    if scenario.is_none() && case.main.is_none() {
        return Err(format!("{} has no such scenario", case.title()));
    }
    let budget = scenario
        .and_then(|scenario| scenario.budget)
        .unwrap_or(lesson.budget);
    let caged = Caged {
        case,
        scenario,
        seed,
        budget,
    };
    let (outcome, log, _) = caged.run()?;
    Ok(timeline::of_run(&Journal::read(&log), &outcome.processes))
}

/// One run of one scenario.
fn run(case: &Case, lesson: &Lesson, scenario: &Scenario, seed: u64) -> Result<Run, String> {
    let begun = Instant::now();
    let budget = scenario.budget.unwrap_or(lesson.budget);
    let caged = Caged {
        case,
        scenario: Some(scenario),
        seed,
        budget,
    };
    let (outcome, log, value) = caged.run()?;
    let form = Form::of(&scenario.subject);
    let ended = outcome.ended.clone();
    let notes = notes(&outcome);
    if outcome.tracer != Tracer::Ptrace && !scenario.faults.is_empty() {
        // A fault that was not injected proves nothing.
        let why = format!(
            "scenario {:?} needs ptrace, which is not permitted here",
            scenario.name
        );
        let mut found = Findings::of(lesson);
        lesson
            .checks
            .iter()
            .for_each(|check| found.skip(&check.id, why.as_str()));
        return Ok(Run {
            decision: None,
            found: Some(found),
            elapsed: begun.elapsed(),
            notes,
        });
    }
    let evidence = caged::evidence(outcome, &log, value);
    let judge = |evidence, found: &mut Findings| {
        let judged = scenario.judge(seed, evidence, found);
        judged.map_err(|error| format!("{} scenario {:?}: {error}", case.title(), scenario.name))
    };
    let (decision, found) = decide::decide(form, &ended, evidence, Findings::of(lesson), judge)?;
    Ok(Run {
        decision,
        found,
        elapsed: begun.elapsed(),
        notes,
    })
}

fn notes(outcome: &CageOutcome) -> Vec<String> {
    match &outcome.tracer {
        Tracer::Ptrace => Vec::new(),
        Tracer::ProcOnly(why) => vec![format!(
            "{why}; processes are watched through /proc, and very short ones may be missed"
        )],
    }
}
