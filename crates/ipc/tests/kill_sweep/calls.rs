//! A fault at every system call of a send, a receive, a put and a get: a kill, and each error that a call may have.
//!
//! A child operates between two points and is hit at its first, its second, its third ... call there; the main process then
//! looks at what has come. A run must end by itself: who waits for the dead is a HANG of the cage.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use core_process::Status;
use grader::cage::CageSpec;
use grader::inject::{Action, Sweep, SweepRun, sweep};
use grader::stepping::Swept;

use crate::{listeners, pipes, queues};

pub(crate) const BEGIN: &str = "begin";
pub(crate) const END: &str = "end";

/// One row of the table.
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    /// What its calls are hit by: the first so many of `FAULTS`.
    pub(crate) faults: usize,
    /// The main process's part; the outcome, in words. It panics where something is torn.
    pub(crate) run: fn() -> String,
}

/// All of [`FAULTS`].
pub(crate) const EACH: usize = 5;
/// A kill alone: where an operation makes very many calls.
pub(crate) const KILL: usize = 1;

const FAULTS: &[(&str, Action); EACH] = &[
    ("kill", Action::Kill),
    ("EINTR", Action::Errno(libc::EINTR)),
    ("ENOMEM", Action::Errno(libc::ENOMEM)),
    ("EMFILE", Action::Errno(libc::EMFILE)),
    ("ENOSPC", Action::Errno(libc::ENOSPC)),
];

/// Begins with three calls for each descriptor, which only make duplicates of the victim's own: it is hit from here on.
pub(crate) const MANY: &str = "pipe: send 253 descriptors";
const LAST_OF_MANY: u32 = 3 * 253 - 5;

fn operations() -> impl Iterator<Item = &'static Operation> {
    pipes::OPERATIONS
        .iter()
        .chain(queues::OPERATIONS)
        .chain(listeners::OPERATIONS)
}

/// Plays the main process's part of an operation.
pub(crate) fn play(name: &str) {
    let operation = operations().find(|operation| operation.name == name).unwrap();
    println!("{}", (operation.run)());
}

/// Prints the table.
pub(crate) fn sweep_all(chosen: impl Fn(&str) -> bool) -> Swept {
    println!(
        "{:28} {:8} {:>5} {:>5}  outcomes",
        "operation", "fault", "hits", "bad"
    );
    let rows: Vec<_> = operations()
        .filter(|operation| chosen(operation.name))
        .flat_map(|operation| {
            FAULTS[..operation.faults]
                .iter()
                .map(move |fault| (operation, fault))
        })
        .collect();
    let next = Mutex::new(rows.iter());
    let total = Mutex::new(Swept::default());
    let forbidden = AtomicBool::new(false);
    // A run waits most of its time: several at once.
    let threads = 2 * std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let Some((operation, (fault, action))) = next.lock().unwrap().next() else {
                        return;
                    };
                    match run(operation.name, *action) {
                        Ok(runs) => {
                            let kills = runs
                                .iter()
                                .filter(|run| run.injected.is_some() && *fault == "kill");
                            let is_good = report(operation.name, fault, &runs);
                            total.lock().unwrap().add(is_good, kills.count() as u64);
                        }
                        Err(error)
                            if error.kind() == std::io::ErrorKind::Unsupported
                                || error.to_string().contains("ptrace") =>
                        {
                            println!("ignored: {error}");
                            forbidden.store(true, Relaxed);
                            return;
                        }
                        Err(error) => {
                            println!("{}: {error}", operation.name);
                            total.lock().unwrap().add(false, 0);
                        }
                    }
                }
            });
        }
    });
    if forbidden.into_inner() {
        return Swept::forbidden(rows.len());
    }
    total.into_inner().unwrap()
}

fn run(name: &str, action: Action) -> std::io::Result<Vec<SweepRun>> {
    let cage = CageSpec {
        args: vec!["swept".to_owned(), name.to_owned()],
        ..CageSpec::new(std::env::current_exe()?)
    };
    sweep(&Sweep {
        victim: 1,
        action,
        after: Some(BEGIN.to_owned()),
        until: Some(END.to_owned()),
        first: if name == MANY { LAST_OF_MANY } else { 1 },
        ..Sweep::new(cage)
    })
}

/// Prints a row, and each run that went badly; whether there was none.
fn report(name: &str, fault: &str, runs: &[SweepRun]) -> bool {
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    for run in runs.iter().filter(|run| run.injected.is_some()) {
        *outcomes
            .entry(run.stdout.lines().next().unwrap_or("nothing"))
            .or_default() += 1;
    }
    // A call that cannot fail in any kernel: what its failure does says nothing.
    let is_impossible = |run: &SweepRun| {
        let call = run.injected.as_ref().map(|injected| injected.call.as_str());
        fault != "kill" && call == Some("gettid")
    };
    let is_fine =
        |run: &&SweepRun| is_impossible(run) || run.is_clean() && run.exit == Some(Status::Exited(0));
    let bad: Vec<_> = runs.iter().filter(|run| !is_fine(run)).collect();
    let hits = runs.iter().filter(|run| run.injected.is_some()).count();
    let outcomes: Vec<String> = outcomes
        .iter()
        .map(|(what, count)| format!("{count} x {what}"))
        .collect();
    let mut row = format!(
        "{name:28} {fault:8} {hits:5} {:5}  {}\n",
        bad.len(),
        outcomes.join(", ")
    );
    for run in &bad {
        let _ = writeln!(
            row,
            "    BAD {run}\n        {}\n        {}",
            run.stdout, run.stderr
        );
    }
    // A sweep that hits nothing, or never gets through, shows nothing.
    let shows_something = hits > 0 && runs.last().is_some_and(|run| run.injected.is_none());
    if !shows_something {
        row.push_str("    BAD: the sweep did not end with an undisturbed run, or hit nothing\n");
    }
    print!("{row}");
    bad.is_empty() && shows_something
}
