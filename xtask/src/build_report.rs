//! An answer that does not compile, as a report.
//!
//! Invariant: the messages are the compiler's own; of several, those about the learner's file are kept, and paths read
//! as the learner knows them. It does not know how the build was run.

use std::path::Path;

use grader::{CheckResult, Lesson, Report, Verdict};

use crate::cargo::{Built, Diagnostic};
use crate::course::Course;

/// More messages than this help nobody.
const SHOWN: usize = 3;

/// The report of a build that failed.
pub(crate) fn report(course: &Course, lesson: &Lesson, answer: &Path, built: &Built) -> Report {
    let errors: Vec<&Diagnostic> = built
        .diagnostics
        .iter()
        .filter(|d| d.is_error() && (d.place().is_some() || d.code.is_some()))
        .collect();
    let own: Vec<&Diagnostic> = errors
        .iter()
        .copied()
        .filter(|error| is_about(error, answer))
        .collect();
    let missing: Vec<&str> = lesson
        .entry
        .iter()
        .map(String::as_str)
        .filter(|entry| own.is_empty() && errors.iter().any(|e| e.message.contains(&format!("`{entry}`"))))
        .collect();
    let kept = if own.is_empty() { &errors } else { &own };
    let location = own.first().and_then(|error| error.place());
    let headline = match kept.first() {
        _ if !missing.is_empty() => format!(
            "the checks call `{}`: it is not in the file, is not `pub`, or its signature was changed",
            missing.join("`, `")
        ),
        Some(first) if kept.len() == 1 => first.headline(),
        Some(first) => format!("{} errors, the first: {}", kept.len(), first.headline()),
        None => "cargo could not build the answer".to_owned(),
    };
    let mut lines: Vec<String> = Vec::new();
    for error in kept.iter().take(SHOWN) {
        let text = error.rendered.as_deref().unwrap_or(&error.message);
        lines.extend(text.lines().map(|line| shown_path(course, answer, line)));
    }
    if kept.is_empty() {
        lines.extend(built.log.lines().map(str::to_owned));
    } else if kept.len() > SHOWN {
        lines.push(format!("... and {} more", kept.len() - SHOWN));
    }
    Report {
        lesson: lesson.id.clone(),
        case: "answer".into(),
        verdict: Verdict::Build,
        headline,
        checks: lesson
            .checks
            .iter()
            .map(|check| CheckResult {
                id: check.id.clone(),
                claim: check.claim.clone(),
                passed: None,
                observed: String::new(),
            })
            .collect(),
        seed: 0,
        scenario: None,
        runs: 0,
        elapsed_ms: 0,
        interleaving: lines,
        why: lesson
            .meaning(Verdict::Build)
            .map(|meaning| meaning.why.clone())
            .unwrap_or_default(),
        location: location.map(|span| format!("{}:{}", course.shown(answer), span.line_start)),
        reread: lesson
            .meaning(Verdict::Build)
            .and_then(|meaning| meaning.reread.clone()),
        processes: Vec::new(),
        notes: Vec::new(),
    }
}

/// The check that comes before all others. The grader does not know it: it only sees what was built.
pub(crate) fn compiles(built: &Built) -> CheckResult {
    CheckResult {
        id: "compiles".into(),
        claim: "it compiles".into(),
        passed: Some(built.success),
        observed: String::new(),
    }
}

/// What the compiler warns of in the learner's file, one line each.
pub(crate) fn warnings(course: &Course, answer: &Path, built: &Built) -> Vec<String> {
    let own = built
        .diagnostics
        .iter()
        .filter(|d| d.level == "warning" && is_about(d, answer));
    own.filter_map(|warning| {
        let line = warning.place()?.line_start;
        Some(format!(
            "the compiler warns: {} ({}:{line})",
            warning.message,
            course.shown(answer)
        ))
    })
    .collect()
}

fn is_about(diagnostic: &Diagnostic, answer: &Path) -> bool {
    let name = answer.file_name();
    diagnostic
        .spans
        .iter()
        .any(|span| span.is_primary && Path::new(&span.file_name).file_name() == name)
}

/// The compiler is given paths from `learn/.build/`; a person reads them from the repository.
pub(crate) fn shown_path(course: &Course, answer: &Path, line: &str) -> String {
    let Some(name) = answer.file_name().and_then(|name| name.to_str()) else {
        return line.to_owned();
    };
    let Some(end) = line.find(name) else {
        return line.to_owned();
    };
    let start = line[..end]
        .rfind(|c: char| c.is_whitespace() || c == '(' || c == '`')
        .map_or(0, |at| at + 1);
    format!(
        "{}{}{}",
        &line[..start],
        course.shown(answer),
        &line[end + name.len()..]
    )
}
