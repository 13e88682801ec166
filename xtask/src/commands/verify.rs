//! `verify`: every lesson grades itself. Right answers must pass, wrong ones must get the verdict that they declare.

use clap::Args;

use crate::course::Course;
use crate::failure::{Failure, Kind};
use crate::screen::{FAIL, OK, Progress, say};
use crate::self_check::{self, Manner, Tally};

/// Check every lesson against itself: solutions pass, wrong answers are rejected as they declare.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  cargo xtask verify\n  cargo xtask verify 2\n  cargo xtask verify 2.2 --json"
)]
pub(crate) struct Verify {
    /// A module (2) or a lesson (2.2); all lessons when it is left out.
    selection: Option<String>,
    /// How many seeds each right answer must pass.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    seeds: u32,
    /// One JSON object at the end instead of lines.
    #[arg(long)]
    json: bool,
}

impl Verify {
    /// Checks, and fails when one case did not get its verdict.
    pub(crate) fn run(self, course: &Course) -> Result<u8, Failure> {
        let lessons = course.selection(self.selection.as_deref())?;
        if lessons.is_empty() {
            return Err(Failure::new(Kind::NotThereYet, "no lesson is written yet"));
        }
        let bar = Progress::steps(lessons.len());
        let mut tally = Tally::default();
        self_check::each(
            course,
            &lessons,
            Manner::Whole,
            self.seeds,
            &bar,
            |folder, outcomes| {
                for outcome in outcomes {
                    tally.add(outcome);
                    if !self.json && !outcome.ok {
                        say!(
                            "  {FAIL}FAIL{FAIL:#}  {:5} {:24} {}",
                            folder.id,
                            outcome.case,
                            outcome.told()
                        );
                    }
                }
                tally.lessons += 1;
                if !self.json && outcomes.iter().all(|outcome| outcome.ok) {
                    say!("  {OK}ok{OK:#}    {:5} {} cases", folder.id, outcomes.len());
                }
            },
        )?;
        drop(bar);
        if self.json {
            say!("{}", tally.as_json());
        } else {
            say!("{}", tally.line());
        }
        if tally.missed > 0 {
            return Err(Failure::new(
                Kind::Declared,
                format!("{} cases did not get the verdict that they declare", tally.missed),
            ));
        }
        Ok(0)
    }
}
