//! An example: it is run in the cage like an answer, and its output is compared with the file beside it.
//!
//! In `example.stdout`, `{pid}` stands for any number, and `{name:pid}` for the same number everywhere it is named.
//! Invariant: nothing else in the file is special; lines are compared in order.

use std::collections::BTreeMap;
use std::path::PathBuf;

use core_process::Status;

use crate::cage::Ended;
use crate::caged::{self, Caged};
use crate::decide::{self, Decision, Form};
use crate::judge::{blank, conclude, conclude_pass};
use crate::{Case, CheckResult, Lesson, Report, Verdict, left_behind};

/// Runs the example of a lesson and compares its output.
pub(crate) fn check(case: &Case, lesson: &Lesson) -> Result<Report, String> {
    let path: PathBuf = [case.folder, "example.stdout"].iter().collect();
    let expected = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let caged = Caged {
        case,
        scenario: None,
        seed: 0,
        budget: lesson.budget,
    };
    let (outcome, log, _) = caged.run()?;
    let mut report = blank(case, lesson, 0);
    report.runs = 1;
    report.elapsed_ms = outcome.elapsed.as_millis() as u64;
    let (ended, exit, stdout) = (outcome.ended.clone(), outcome.exit, outcome.stdout.clone());
    let evidence = caged::evidence(outcome, &log, None);
    let decision = decide::cut_short(Form::Program, &ended, &evidence)
        .or_else(|| bad_exit(&ended, exit, &evidence.stderr))
        .or_else(|| difference(&expected, &stdout).map(wrong))
        .or_else(|| left_behind::find(&evidence));
    report.checks = vec![CheckResult {
        id: "output".to_owned(),
        claim: "it prints what stands in example.stdout, and leaves nothing behind".to_owned(),
        passed: Some(decision.is_none()),
        observed: decision
            .as_ref()
            .map_or_else(String::new, |decision| decision.headline.clone()),
    }];
    match decision {
        Some(decision) => conclude(&mut report, lesson, decision),
        None => conclude_pass(&mut report),
    }
    Ok(report)
}

fn bad_exit(ended: &Ended, exit: Option<Status>, stderr: &str) -> Option<Decision> {
    if *ended == Ended::Exited && exit == Some(Status::Exited(0)) {
        return None;
    }
    let how = exit.map_or_else(
        || "ended in an unknown way".to_owned(),
        |status| status.to_string(),
    );
    Some(wrong((
        format!("the example {how}"),
        stderr.lines().map(str::to_owned).collect(),
    )))
}

fn wrong((headline, interleaving): (String, Vec<String>)) -> Decision {
    Decision {
        verdict: Verdict::Wrong,
        headline,
        interleaving,
        place: None,
        processes: Vec::new(),
    }
}

/// The first line that differs, and both of them.
fn difference(expected: &str, observed: &str) -> Option<(String, Vec<String>)> {
    let mut names = BTreeMap::new();
    let (mut wanted, mut got) = (expected.lines(), observed.lines());
    for number in 1.. {
        let (want, have) = match (wanted.next(), got.next()) {
            (None, None) => return None,
            pair => pair,
        };
        if let (Some(want), Some(have)) = (want, have)
            && fits(want, have, &mut names)
        {
            continue;
        }
        let show =
            |line: Option<&str>| line.map_or_else(|| "(the end)".to_owned(), |line| format!("{line:?}"));
        return Some((
            format!("line {number} of the output is not the expected one"),
            vec![
                format!("expected {}", show(want)),
                format!("observed {}", show(have)),
            ],
        ));
    }
    None
}

/// Whether a line fits its pattern; numbers that have a name are learned, and must be the same again.
fn fits(pattern: &str, line: &str, names: &mut BTreeMap<String, String>) -> bool {
    let Some((before, name, after)) = next_placeholder(pattern) else {
        return pattern == line;
    };
    let Some(rest) = line.strip_prefix(before) else {
        return false;
    };
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    if digits == 0 {
        return false;
    }
    let (number, rest) = rest.split_at(digits);
    if !name.is_empty() {
        let known = names.entry(name.to_owned()).or_insert_with(|| number.to_owned());
        if known != number {
            return false;
        }
    }
    fits(after, rest, names)
}

/// What stands before the first `{pid}` or `{name:pid}`, the name or nothing, and what stands after it.
fn next_placeholder(pattern: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    while let Some(open) = pattern[from..].find('{').map(|at| from + at) {
        let close = open + pattern[open..].find('}')?;
        let inside = &pattern[open + 1..close];
        let name = if inside == "pid" {
            Some("")
        } else {
            inside.strip_suffix(":pid")
        };
        if let Some(name) = name.filter(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')) {
            return Some((&pattern[..open], name, &pattern[close + 1..]));
        }
        from = open + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_is_a_number_and_a_named_one_stays_the_same() {
        let expected = "parent {main:pid}\nchild {pid} of {main:pid}\n{not a placeholder}\n";
        assert_eq!(
            difference(expected, "parent 12\nchild 7 of 12\n{not a placeholder}\n"),
            None
        );
        let (headline, lines) = difference(expected, "parent 12\nchild 7 of 13\n").unwrap();
        assert!(headline.contains("line 2"), "{headline}");
        assert!(lines[1].contains("child 7 of 13"), "{lines:?}");
    }

    #[test]
    fn missing_and_surplus_lines_are_found() {
        assert!(difference("a\nb\n", "a\n").unwrap().1[1].contains("the end"));
        assert!(difference("a\n", "a\nb\n").unwrap().1[0].contains("the end"));
        assert!(difference("pid {pid}\n", "pid x\n").is_some());
    }
}
