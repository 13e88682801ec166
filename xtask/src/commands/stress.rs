//! `stress`: the same verdicts on a machine that is twice too busy.

use std::env;
use std::process::{Command, Stdio};
use std::thread;

use clap::Args;

use crate::course::Course;
use crate::failure::{Failure, Kind};
use crate::interrupt::{self, Watched};
use crate::screen::{FAIL, OK, Progress, say};
use crate::self_check::{self, Tally};

/// Busy processes for each usable core.
const LOAD: usize = 2;

/// Verify lessons on many seeds while twice as many busy processes as cores run beside them.
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
        // Built before the load, which would only make it longer.
        self_check::prepare(course, &lessons)?;
        let load = load()?;
        let bar = Progress::steps(lessons.len());
        let mut tally = Tally::default();
        self_check::each(course, &lessons, self.seeds, &bar, |folder, outcomes| {
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
        })?;
        drop(bar);
        let busy = load.len();
        drop(load);
        say!(
            "{} lessons, {} cases, {} seeds, {busy} busy processes beside them: {} verdicts changed",
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

/// Starts the busy processes; they end when dropped, and by themselves when this process is gone.
fn load() -> Result<Vec<Watched>, Failure> {
    let program =
        env::current_exe().map_err(|error| Failure::tool(format!("cannot find this program: {error}")))?;
    let cores = thread::available_parallelism().map_or(1, usize::from);
    (0..cores * LOAD)
        .map(|_| {
            let mut command = Command::new(&program);
            command
                .args(["busy", "--parent", &std::process::id().to_string()])
                .stdin(Stdio::null());
            interrupt::spawn(&mut command).map_err(|error| Failure::file("run", &program, error))
        })
        .collect()
}
