//! A report as text for a person: what was observed, why that happens, where in the learner's file, where in the lesson, and
//! the command that repeats exactly this run. In this order, always.
//!
//! Invariant: nothing is decided here, and a report without colour holds the same words as one with it.

use std::fmt::{self, Display, Write};

use anstyle::{AnsiColor, Style};

use crate::{CheckResult, Report, Verdict};

/// Whether colours are used. The caller knows where the text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// Plain text.
    Plain,
    /// ANSI escape sequences.
    Colour,
}

/// Width of the first line.
const WIDTH: usize = 78;

/// The whole report as text that ends with a line break. `title` is the lesson's.
pub fn render(report: &Report, title: &str, paint: Paint) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = Page { report, title, paint }.write(&mut text);
    text
}

struct Page<'a> {
    report: &'a Report,
    title: &'a str,
    paint: Paint,
}

impl Page<'_> {
    fn write(&self, out: &mut String) -> fmt::Result {
        self.heading(out)?;
        for check in &self.report.checks {
            self.check(out, check)?;
        }
        writeln!(out)?;
        let style = if self.report.verdict.is_pass() { GOOD } else { BAD };
        writeln!(
            out,
            "{}  {}",
            self.painted(style, self.report.verdict),
            self.report.headline
        )?;
        for line in self.report.processes.iter().chain(&self.report.interleaving) {
            writeln!(out, "  {line}")?;
        }
        for note in &self.report.notes {
            writeln!(out, "{} {note}", self.painted(DIM, "Note:"))?;
        }
        if !self.report.verdict.is_pass() {
            self.advice(out)?;
        }
        Ok(())
    }

    fn heading(&self, out: &mut String) -> fmt::Result {
        let left = format!("{} {}", self.report.lesson, self.title);
        let right = match (&self.report.scenario, self.report.verdict) {
            (Some(scenario), _) => format!("seed {}, scenario {scenario}", self.report.seed),
            (None, Verdict::Build) => String::new(),
            (None, _) => format!(
                "{} run{}",
                self.report.runs,
                if self.report.runs == 1 { "" } else { "s" }
            ),
        };
        let gap = WIDTH
            .saturating_sub(left.chars().count() + right.chars().count())
            .max(2);
        let line = format!("{}{}{right}", self.painted(BOLD, &left), " ".repeat(gap));
        writeln!(out, "{}\n", line.trim_end())
    }

    fn check(&self, out: &mut String, check: &CheckResult) -> fmt::Result {
        match check.passed {
            Some(true) => writeln!(out, "  {}    {}", self.painted(GOOD, "ok"), check.claim),
            Some(false) => writeln!(out, "  {}  {}", self.painted(BAD, "FAIL"), check.claim),
            None if check.observed.is_empty() => writeln!(
                out,
                "  {}     {}",
                self.painted(DIM, "-"),
                self.painted(DIM, &check.claim)
            ),
            None => writeln!(
                out,
                "  {}  {} ({})",
                self.painted(DIM, "skip"),
                check.claim,
                check.observed
            ),
        }
    }

    fn advice(&self, out: &mut String) -> fmt::Result {
        let report = self.report;
        if !report.why.is_empty() {
            writeln!(out, "{} {}", self.painted(BOLD, "Why:"), report.why)?;
        }
        let section = report
            .reread
            .as_ref()
            .map(|section| format!("{section:?} in the lesson"));
        match (&report.location, section) {
            (Some(place), Some(section)) => {
                writeln!(out, "Look at {}, then at {section}.", self.painted(BOLD, place))?
            }
            (Some(place), None) => writeln!(out, "Look at {}.", self.painted(BOLD, place))?,
            (None, Some(section)) => writeln!(out, "Look at {section}.")?,
            (None, None) => {}
        }
        if report.verdict == Verdict::Build {
            return Ok(());
        }
        writeln!(
            out,
            "Again, exactly so: cargo xtask check-lesson {} --seed {}",
            report.lesson, report.seed
        )
    }

    fn painted(&self, style: Style, text: impl Display) -> String {
        match self.paint {
            Paint::Plain => text.to_string(),
            Paint::Colour => format!("{style}{text}{style:#}"),
        }
    }
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let check = |id: &str, passed, observed: &str| CheckResult {
            id: id.into(),
            claim: format!("the claim of {id}"),
            passed,
            observed: observed.into(),
        };
        Report {
            lesson: "4.2".into(),
            case: "answer".into(),
            verdict: Verdict::LostUpdate,
            headline: "account 3 ends at 115, should be 90".into(),
            checks: vec![
                check("ends", Some(true), ""),
                check("total", Some(false), "x"),
                check("speed", None, "one processor"),
                check("tidy", None, ""),
            ],
            seed: 7,
            scenario: Some("transfers".into()),
            runs: 3,
            elapsed_ms: 12,
            interleaving: vec!["pid 4121 read 120".into()],
            why: "the balance is read before the lock is taken.".into(),
            location: Some("learn/l04_02_lock.rs:31".into()),
            reread: Some("One lock around the whole of it".into()),
            processes: Vec::new(),
            notes: vec!["ptrace is not permitted here".into()],
        }
    }

    #[test]
    fn a_failure_is_told_in_the_promised_order() {
        let text = render(&report(), "Lock: bank transfers", Paint::Plain);
        let expected = "\
4.2 Lock: bank transfers                            seed 7, scenario transfers

  ok    the claim of ends
  FAIL  the claim of total
  skip  the claim of speed (one processor)
  -     the claim of tidy

LOST_UPDATE  account 3 ends at 115, should be 90
  pid 4121 read 120
Note: ptrace is not permitted here
Why: the balance is read before the lock is taken.
Look at learn/l04_02_lock.rs:31, then at \"One lock around the whole of it\" in the lesson.
Again, exactly so: cargo xtask check-lesson 4.2 --seed 7
";
        assert_eq!(text, expected);
    }

    #[test]
    fn colour_changes_no_word() {
        let coloured = render(&report(), "Lock", Paint::Colour);
        assert_ne!(coloured, render(&report(), "Lock", Paint::Plain));
        let mut plain = String::new();
        let mut rest = coloured.as_str();
        while let Some(escape) = rest.find('\x1b') {
            plain.push_str(&rest[..escape]);
            rest = &rest[escape + rest[escape..].find('m').unwrap() + 1..];
        }
        plain.push_str(rest);
        assert_eq!(plain, render(&report(), "Lock", Paint::Plain));
    }
}
