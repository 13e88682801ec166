//! Inside the cage: the process that runs the answer, and every process that executes the same file after it.
//!
//! Order matters. The journal is attached first, so that nothing is missed; then the library's `init` diverts the children of
//! a *function* answer; what is left is the answer's first process. A *program* answer gets no `init` from us: calling it is
//! its own business.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use crate::journal::log::{ENVIRONMENT, Line, Log};
use crate::journal::{self, Phase, Source};
use crate::leaks::{self, Before, Left};
use crate::scenario::{Scenario, Shaken, Subject};
use crate::{Case, Draw};

/// The event that says: the answer's function has returned, or its `main` has.
pub(crate) const DONE: &str = "done";

/// What the judge tells the process in the cage, by its arguments.
pub(crate) struct Order {
    pub(crate) scenario: Option<String>,
    pub(crate) seed: u64,
    pub(crate) journal: String,
    pub(crate) value: String,
}

/// Attaches the journal, as the environment or the arguments name it.
pub(crate) fn attach(order: &Order) -> Result<&'static Log, String> {
    // A child whose environment was cleared still has the arguments.
    let path = std::env::var(ENVIRONMENT).unwrap_or_else(|_| order.journal.clone());
    let log = journal::attach(Path::new(&path)).map_err(|error| format!("journal {path}: {error}"))?;
    let parent = rustix::process::getppid().map_or(0, |parent| parent.as_raw_nonzero().get() as u32);
    log.claim_main(parent);
    Ok(log)
}

/// Runs the answer.
pub(crate) fn run(case: &Case, order: &Order) -> Result<ExitCode, String> {
    let log = attach(order)?;
    if let Some(main) = case.main {
        main();
        done(log, Duration::ZERO);
        return Ok(ExitCode::SUCCESS);
    }
    let scenarios = (case.scenarios)();
    let scenario = scenarios
        .iter()
        .find(|scenario| Some(scenario.name) == order.scenario.as_deref())
        .ok_or_else(|| format!("{} has no scenario {:?}", case.title(), order.scenario))?;
    if scenario.shaken == Shaken::Yes {
        journal::shake::shake(order.seed);
    }
    run_scenario(scenario, order, log)
}

fn run_scenario(scenario: &Scenario, order: &Order, log: &'static Log) -> Result<ExitCode, String> {
    let mut draw = Draw::from_seed(order.seed);
    match &scenario.subject {
        Subject::Program { draw: provide, main } => {
            provide(&mut draw);
            main();
            done(log, Duration::ZERO);
            leaks::note_helpers(log);
        }
        Subject::Function(function) => {
            core_process::init();
            let before = Before::look();
            let begun = processor_time();
            let value = function(&mut draw)?;
            done(log, begun);
            let left = before.compare(log);
            fs::write(&order.value, value).map_err(|error| format!("value {}: {error}", order.value))?;
            if left == Left::LivingChildren {
                // At a normal end the library would wait for them, perhaps for ever; they are written down, so end here.
                let _ =
                    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Says that the answer is done, and how much processor time this process has used since it began.
fn done(log: &Log, begun: Duration) {
    log.append(&Line {
        source: Source::Grader,
        phase: Phase::Point,
        name: DONE,
        subject: "",
        object: 0,
        value: processor_time().saturating_sub(begun).as_micros() as i64,
        location: None,
    });
}

/// Processor time of all threads of this process so far.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}
