//! The report: everything that is said about the runs of one answer, as one value that travels as JSON.
//!
//! Invariant: a report is complete. Whoever shows it (a terminal, a page, a test) needs nothing else and decides nothing.
//! It does not know how it is drawn (`render`) nor how it came about (`judge`).

use serde::{Deserialize, Serialize};

use crate::Verdict;

/// The outcome of checking one case of a lesson.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Id of the lesson: `"2.2"`.
    pub lesson: String,
    /// Name of the case: `"solution"`, `"wrong_batches"`, `"answer"` for a learner's file.
    pub case: String,
    /// The verdict.
    pub verdict: Verdict,
    /// What was observed, in one line, with its numbers and pids.
    pub headline: String,
    /// The lesson's checks in declared order.
    pub checks: Vec<CheckResult>,
    /// The seed of the run that decided; of the first run when all passed.
    pub seed: u64,
    /// The scenario of the run that decided.
    #[serde(default)]
    pub scenario: Option<String>,
    /// How many runs were made, over all scenarios.
    pub runs: u32,
    /// Run time of all runs together, in milliseconds; build time is never in it.
    pub elapsed_ms: u64,
    /// What happened, line by line, with pids; empty when there is nothing to tell.
    #[serde(default)]
    pub interleaving: Vec<String>,
    /// Why that happens, from the lesson; empty for a pass.
    #[serde(default)]
    pub why: String,
    /// `file:line` in the learner's file, when it is known.
    #[serde(default)]
    pub location: Option<String>,
    /// The section of the lesson's text to read again.
    #[serde(default)]
    pub reread: Option<String>,
    /// For a hang: each process that was left, what it waits for, who holds what.
    #[serde(default)]
    pub processes: Vec<String>,
    /// What the machine did not permit, and what was skipped for that.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// One check of a lesson, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// Id of the check in `lesson.toml`.
    pub id: String,
    /// The claim that it checks, as a sentence.
    pub claim: String,
    /// `None` when it was not reached, or was skipped because this machine could not show it.
    pub passed: Option<bool>,
    /// What was observed, or why it was not reached; empty for a check that held.
    #[serde(default)]
    pub observed: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_survives_json_and_keeps_the_promised_field_names() {
        let report = Report {
            lesson: "2.2".into(),
            case: "answer".into(),
            verdict: Verdict::Oversync,
            headline: "4 jobs ran at once, 3 were allowed".into(),
            checks: vec![CheckResult {
                id: "width".into(),
                claim: "never more than `width` jobs run at once".into(),
                passed: Some(false),
                observed: "4 jobs ran at once".into(),
            }],
            seed: 7,
            scenario: Some("jobs".into()),
            runs: 3,
            elapsed_ms: 12,
            interleaving: vec!["pid 4 enters".into()],
            why: "all are started at once".into(),
            location: Some("learn/l02_02_child_processes.rs:9".into()),
            reread: None,
            processes: Vec::new(),
            notes: Vec::new(),
        };
        let json = serde_json::to_value(&report).unwrap();
        for field in ["lesson", "verdict", "checks", "seed", "elapsed_ms"] {
            assert!(
                json.get(field).is_some(),
                "{field} is promised by check-lesson --json"
            );
        }
        assert_eq!(json["verdict"], "OVERSYNC");
        assert_eq!(serde_json::from_value::<Report>(json).unwrap(), report);
    }
}
