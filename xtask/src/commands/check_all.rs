//! `check-all`: every lesson that was started, one line each.

use clap::Args;

use crate::answer::Wish;
use crate::course::Course;
use crate::failure::Failure;
use crate::judge::{Runs, judge};
use crate::learn::Learn;
use crate::screen::{FAIL, OK, say};

/// Check every lesson that you have started.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cargo xtask check-all\n\n\
                        Exit status: 0 when all pass, else the number of the first verdict that is no PASS.")]
pub(crate) struct CheckAll {}

impl CheckAll {
    /// Checks them in order.
    pub(crate) fn run(self, course: &Course) -> Result<u8, Failure> {
        let learn = Learn::of(course);
        let started: Vec<_> = course
            .lessons()?
            .into_iter()
            .filter(|folder| learn.is_started(folder))
            .collect();
        if started.is_empty() {
            say!("Nothing is started yet. Begin with: cargo xtask next");
            return Ok(0);
        }
        let mut passed = 0;
        let mut first = 0;
        for folder in &started {
            let report = judge(course, folder, &Wish::Learner, Runs::default())?.report;
            if report.verdict.is_pass() {
                passed += 1;
                say!("  {OK}ok{OK:#}    {:5} {}", folder.id, report.headline);
            } else {
                say!(
                    "  {FAIL}FAIL{FAIL:#}  {:5} {}  {}",
                    folder.id,
                    report.verdict,
                    report.headline
                );
                first = if first == 0 {
                    report.verdict.exit_code()
                } else {
                    first
                };
            }
        }
        say!("{passed} of {} started lessons pass", started.len());
        Ok(first)
    }
}
