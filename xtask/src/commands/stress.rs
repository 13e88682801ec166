//! `stress`: the same verdicts on a machine that is twice too busy.

use clap::Args;

use crate::course::Course;
use crate::failure::{Failure, Kind};
use crate::screen::{FAIL, OK, Progress, say};
use crate::self_check::{self, Manner, Tally};

/// Check right answers on many seeds while twice as many busy processes as cores run beside them.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  cargo xtask stress 2\n  cargo xtask stress 2.2 --seeds 200\n\n\
                        Not one verdict may change: a machine that is busy is no fault of an answer."
)]
pub(crate) struct Stress {
    /// A module (2) or a lesson (2.2); all lessons when it is left out.
    selection: Option<String>,
    /// How many seeds each right answer must pass.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    seeds: u32,
}

impl Stress {
    /// Loads the machine and verifies.
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
            Manner::UnderLoad,
            self.seeds,
            &bar,
            |folder, outcomes| {
                let mut changed = 0;
                for outcome in outcomes {
                    tally.add(outcome);
                    if !outcome.ok {
                        changed += 1;
                        say!(
                            "  {FAIL}changed{FAIL:#}  {:5} {:24} {}",
                            folder.id,
                            outcome.case,
                            outcome.told()
                        );
                    }
                }
                tally.lessons += 1;
                if changed == 0 {
                    say!("  {OK}ok{OK:#}       {:5} {} cases", folder.id, outcomes.len());
                }
            },
        )?;
        drop(bar);
        say!(
            "{} lessons, {} right answers, {} seeds each, twice as many busy processes as cores: {} verdicts changed",
            tally.lessons,
            tally.cases(),
            self.seeds,
            tally.missed
        );
        if tally.missed > 0 {
            return Err(Failure::new(
                Kind::Declared,
                format!("{} verdicts changed under load", tally.missed),
            ));
        }
        Ok(0)
    }
}
