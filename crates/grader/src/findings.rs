//! What a lesson's judge found in one run: which of the declared checks held.
//!
//! Invariant: every finding names a check that `lesson.toml` declares; one that does not is a mistake of the lesson, kept as
//! such and never as the learner's. It does not know which finding decides.

use crate::timeline::lines;
use crate::{Event, Lesson, Meetings, Place, Verdict, answer};

/// The findings of one run.
#[derive(Debug)]
pub struct Findings {
    declared: Vec<String>,
    found: Vec<Finding>,
    undeclared: Vec<String>,
    exhibits: Vec<String>,
}

/// What was found about one check.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) id: String,
    pub(crate) verdict: Verdict,
    /// `None`: it could not be decided on this machine.
    pub(crate) held: Option<bool>,
    pub(crate) observed: String,
    pub(crate) lines: Vec<String>,
    pub(crate) place: Option<Place>,
}

/// A check that was just made; more can be said about it.
pub struct Checked<'a> {
    failed: Option<&'a mut Finding>,
}

impl Findings {
    pub(crate) fn of(lesson: &Lesson) -> Findings {
        let declared = lesson.checks.iter().map(|check| check.id.clone()).collect();
        Findings {
            declared,
            found: Vec::new(),
            undeclared: Vec::new(),
            exhibits: Vec::new(),
        }
    }

    /// States whether the claim of check `id` held in this run; if not, `verdict` is what the answer gets, and `observed`
    /// says what was seen instead, with numbers and pids.
    ///
    /// A check may be made many times in a run; the first failure is kept.
    #[track_caller]
    pub fn check(
        &mut self,
        id: &str,
        verdict: Verdict,
        held: bool,
        observed: impl FnOnce() -> String,
    ) -> Checked<'_> {
        let observed = if held { String::new() } else { observed() };
        self.record(id, verdict, Some(held), observed)
    }

    /// States whether work that must overlap did, by its meetings at a rendezvous: SERIAL if some could not meet; skipped if this
    /// machine was too slow to tell.
    #[track_caller]
    pub fn overlap(
        &mut self,
        id: &str,
        meetings: Meetings,
        observed: impl FnOnce() -> String,
    ) -> Checked<'_> {
        match meetings.all_met() {
            Some(held) => self.check(id, Verdict::Serial, held, observed),
            None => self.record(
                id,
                Verdict::Serial,
                None,
                format!("{} were not let run in time", meetings.undecided),
            ),
        }
    }

    /// States that this machine could not show whether check `id` holds, and why. Nobody is blamed.
    #[track_caller]
    pub fn skip(&mut self, id: &str, why: impl Into<String>) {
        self.record(id, Verdict::Pass, None, why.into());
    }

    /// Lines that are worth seeing although nothing failed: they are shown under a pass, from the first seed's runs.
    pub fn exhibit(&mut self, lines: impl IntoIterator<Item = String>) {
        self.exhibits.extend(lines);
    }

    #[track_caller]
    fn record(&mut self, id: &str, verdict: Verdict, held: Option<bool>, observed: String) -> Checked<'_> {
        if !self.declared.iter().any(|declared| declared == id) {
            let caller = std::panic::Location::caller();
            self.undeclared.push(format!(
                "{caller} checks {id:?}, which lesson.toml does not declare"
            ));
            return Checked { failed: None };
        }
        let finding = Finding {
            id: id.to_owned(),
            verdict,
            held,
            observed,
            lines: Vec::new(),
            place: None,
        };
        let place = match self.found.iter().position(|earlier| earlier.id == id) {
            Some(place) => {
                let earlier = &mut self.found[place];
                // A failure stays; a failure wins over a skip, and a skip over a success.
                if rank(earlier.held) < rank(held) {
                    *earlier = finding;
                } else {
                    return Checked { failed: None };
                }
                place
            }
            None => {
                self.found.push(finding);
                self.found.len() - 1
            }
        };
        Checked {
            failed: if held == Some(false) {
                Some(&mut self.found[place])
            } else {
                None
            },
        }
    }

    /// What was found about check `id`.
    pub(crate) fn about(&self, id: &str) -> Option<&Finding> {
        self.found.iter().find(|finding| finding.id == id)
    }

    /// The failure that decides: the first in declared order.
    pub(crate) fn first_failure(&self) -> Option<&Finding> {
        self.declared
            .iter()
            .filter_map(|id| self.about(id))
            .find(|finding| finding.held == Some(false))
    }

    /// What is shown under a pass.
    pub(crate) fn exhibits(&self) -> &[String] {
        &self.exhibits
    }

    /// Checks that the lesson does not declare.
    pub(crate) fn undeclared(&self) -> &[String] {
        &self.undeclared
    }
}

fn rank(held: Option<bool>) -> u8 {
    match held {
        Some(true) => 0,
        None => 1,
        Some(false) => 2,
    }
}

impl Checked<'_> {
    /// Shows these events under the verdict, one line each, if the check failed.
    pub fn show<'e>(self, events: impl IntoIterator<Item = &'e Event>) -> Self {
        self.show_lines(|| lines(events))
    }

    /// Shows these lines under the verdict, if the check failed.
    pub fn show_lines(mut self, lines: impl FnOnce() -> Vec<String>) -> Self {
        if let Some(finding) = &mut self.failed {
            finding.lines = lines();
        }
        self
    }

    /// Names the line of the answer that did it, if the check failed and the line is known. A line of somebody else (of the
    /// lesson's checks, of a library) is not named.
    pub fn at(mut self, place: Option<&Place>) -> Self {
        if let Some(finding) = &mut self.failed {
            finding.place = place.filter(|place| answer::owns(place)).cloned();
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings() -> Findings {
        Findings {
            declared: vec!["first".into(), "second".into()],
            found: Vec::new(),
            undeclared: Vec::new(),
            exhibits: Vec::new(),
        }
    }

    #[test]
    fn what_is_exhibited_is_kept_beside_the_findings_and_decides_nothing() {
        let mut found = findings();
        found.exhibit(["a drawing".to_owned()]);
        found.check("first", Verdict::Wrong, true, String::new);
        found.exhibit(["another".to_owned()]);
        assert_eq!(found.exhibits(), ["a drawing", "another"]);
        assert!(found.first_failure().is_none());
    }

    #[test]
    fn the_first_failure_in_declared_order_decides() {
        let mut found = findings();
        found.check("second", Verdict::Serial, false, || "b".into());
        found.check("first", Verdict::Wrong, true, || "never said".into());
        assert_eq!(found.first_failure().unwrap().verdict, Verdict::Serial);
        found.check("first", Verdict::Wrong, false, || "a".into());
        assert_eq!(found.first_failure().unwrap().observed, "a");
    }

    #[test]
    fn a_failure_stays_and_a_skip_blames_nobody() {
        let mut found = findings();
        found.skip("first", "one core");
        assert!(found.first_failure().is_none());
        found.check("first", Verdict::Race, false, || "early".into());
        found.check("first", Verdict::Wrong, false, || "late".into());
        found.check("first", Verdict::Wrong, true, String::new);
        assert_eq!(found.about("first").unwrap().observed, "early");
    }

    #[test]
    fn only_a_line_of_the_answer_is_named() {
        let place = |file: &str| Place {
            file: file.into(),
            line: 3,
        };
        let mut found = findings();
        found
            .check("first", Verdict::Race, false, || "a".into())
            .at(Some(&place("learn/l02_04.rs")));
        found
            .check("second", Verdict::Race, false, || "b".into())
            .at(Some(&place("lessons/l02_04/check.rs")));
        assert_eq!(
            found.about("first").unwrap().place,
            Some(place("learn/l02_04.rs"))
        );
        assert_eq!(found.about("second").unwrap().place, None);
    }

    #[test]
    fn an_undeclared_check_is_a_mistake_of_the_lesson() {
        let mut found = findings();
        found.check("third", Verdict::Wrong, false, || "x".into());
        assert!(found.first_failure().is_none());
        assert!(found.undeclared()[0].contains("\"third\"") && found.undeclared()[0].contains("findings.rs"));
    }
}
