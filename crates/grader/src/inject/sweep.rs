//! A fault at the first, the second, the third ... system call of an operation, a run for each.
//!
//! The runs follow each other in one warden, without a private directory, so that a run costs little more than the
//! program itself.

use std::fmt;
use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};

use core_process::Status;
use serde::{Deserialize, Serialize};

use super::{Action, At, Fault, Injected};
use crate::cage::{CageSpec, Ended, Leftovers, ProcessRecord, Tracing};
use crate::cage::{launch, private, watch};

/// What is swept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// The program of every run: its file, arguments, the whole environment, budget, and how long descendants may outlive it.
    /// Faults of its own are injected as well; `PATH` is added to the environment, and nothing else.
    pub cage: CageSpec,
    /// Which process is hit, in the order of birth; 0 is the main process.
    pub victim: u32,
    /// What happens to it.
    pub action: Action,
    /// Calls count after this named point (see [`point`](super::point)); `None`: from the start.
    pub after: Option<String>,
    /// The sweep is complete when this named point is passed; `None`: when the victim has ended.
    pub until: Option<String>,
    /// The first call that is hit, from 1: where those before it are all the same.
    pub first: u32,
    /// The last call that is hit.
    pub most: u32,
}

impl Sweep {
    /// Kills the main process of `cage` at each of its system calls.
    pub fn new(cage: CageSpec) -> Sweep {
        Sweep {
            cage,
            victim: 0,
            action: Action::Kill,
            after: None,
            until: None,
            first: 1,
            most: 2000,
        }
    }
}

/// One run of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepRun {
    /// At the how-manieth call the fault came, from 1.
    pub call: u64,
    /// The fault. `None` in the last run, which nothing has hit: it shows what the program does in peace.
    pub injected: Option<Injected>,
    /// Processes of the run, the main process first.
    pub processes: Vec<ProcessRecord>,
    /// How the main process ended.
    pub exit: Option<Status>,
    /// Whether the run ended by itself, and if not, why.
    pub ended: Ended,
    /// What outlived the main process.
    pub leftovers: Leftovers,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl SweepRun {
    /// The run ended by itself, and nothing outlived the main process that did not end because of it.
    pub fn is_clean(&self) -> bool {
        self.ended == Ended::Exited && self.leftovers.abandoned().next().is_none()
    }
}

impl fmt::Display for SweepRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self
            .injected
            .as_ref()
            .map_or("nothing", |injected| &injected.call);
        write!(f, "{:4} {at:16}", self.call)?;
        match &self.ended {
            Ended::Exited => match self.exit {
                Some(status) => write!(f, " main {status}")?,
                None => f.write_str(" main has ended")?,
            },
            Ended::Hang(diagnosis) => write!(f, " HANG of {} processes", diagnosis.processes.len())?,
            Ended::Limit {
                what,
                observed,
                allowed,
            } => write!(f, " LIMIT: {observed} {what}, {allowed} allowed")?,
        }
        for orphan in self.leftovers.abandoned() {
            write!(f, "; left: {} {}", orphan.pid, orphan.command)?;
        }
        for zombie in &self.leftovers.zombies {
            write!(f, "; zombie: {} {}", zombie.pid, zombie.name)?;
        }
        Ok(())
    }
}

/// Runs a sweep in a warden of its own, a child of this process by core-process (so this needs `core_process::init` or
/// `core_process::divert_before_main!`). The last run is the one that nothing hit, if `most` runs were enough.
///
/// ```no_run
/// core_process::divert_before_main!();
/// use grader::cage::CageSpec;
/// use grader::inject::{Sweep, sweep};
///
/// let program = CageSpec { args: vec!["start-and-join".into()], ..CageSpec::new("target/debug/programs") };
/// let runs = sweep(&Sweep { after: Some("begin".into()), until: Some("end".into()), ..Sweep::new(program) })?;
/// for run in &runs {
///     assert!(run.is_clean(), "{run}");
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// The warden or the program cannot be started; or ptrace is forbidden, without which there are no faults.
pub fn sweep(sweep: &Sweep) -> io::Result<Vec<SweepRun>> {
    let warden = core_process::Process::new(in_warden, sweep.clone()).name("warden");
    let child = warden.start().map_err(io::Error::other)?;
    child.join().map_err(io::Error::other)?.map_err(io::Error::other)
}

fn in_warden(sweep: Sweep) -> Result<Vec<SweepRun>, String> {
    sweep_here(&sweep).map_err(|error| error.to_string())
}

/// Like [`sweep`](fn@sweep), with the calling process as the warden: it must have one thread and no child.
///
/// # Errors
/// As [`sweep`](fn@sweep).
pub fn sweep_here(sweep: &Sweep) -> io::Result<Vec<SweepRun>> {
    let null = OpenOptions::new().read(true).open("/dev/null")?;
    let mut runs = Vec::new();
    for call in u64::from(sweep.first)..=u64::from(sweep.most) {
        let run = once(sweep, call, &null)?;
        let is_last = run.injected.is_none();
        runs.push(run);
        if is_last {
            break;
        }
    }
    Ok(runs)
}

fn once(sweep: &Sweep, call: u64, null: &std::fs::File) -> io::Result<SweepRun> {
    let cage = &sweep.cage;
    let at = At::Call {
        process: sweep.victim,
        call,
        after: sweep.after.clone(),
        until: sweep.until.clone(),
    };
    let mut faults = vec![Fault {
        at,
        action: sweep.action,
    }];
    faults.extend(cage.faults.iter().cloned());
    let outputs = private::Outputs::new()?;
    let (stdout, stderr) = outputs.for_the_program()?;
    let mut env = vec![("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned())];
    env.extend(cage.env.iter().cloned());
    let start = launch::Start {
        program: &PathBuf::from(&cage.program),
        args: &cage.args,
        env,
        folder: Path::new("/"),
        stdin: private::high(null)?,
        stdout,
        stderr,
        keep_open: &cage.keep_open,
        file_size: None,
    };
    let terms = watch::Terms {
        budget: &cage.budget,
        settle: cage.settle,
        deaths: cage.deaths,
        faults: &faults,
        tracing: Tracing::Auto,
        outputs: Some(&outputs),
        keep_open: &cage.keep_open,
        position: &|| 0,
    };
    let seen = watch::watch(&start, &terms)?;
    if let crate::cage::Tracer::ProcOnly(why) = seen.tracer {
        return Err(io::Error::new(io::ErrorKind::Unsupported, why));
    }
    drop(start);
    let (stdout, stderr) = outputs.into_text(cage.budget.output)?;
    Ok(SweepRun {
        call,
        injected: seen.injected.into_iter().find(|injected| injected.fault == 0),
        processes: seen.family.into_records(),
        exit: seen.exit,
        ended: seen.ended,
        leftovers: seen.leftovers,
        stdout,
        stderr,
    })
}
