//! A fault at every system call of a send, a receive, a put and a get: a kill, and each error that a call may have. Whoever is left gets
//! whole messages and the end, and never waits for the dead.
//!
//! A child operates between two points and is hit at its first, its second, its third ... call there; the main process then
//! looks at what has come. A run must end by itself: who waits for the dead is a HANG of the cage.
//!
//! `cargo test -p ipc --test kill_sweep` prints the table. Without an argument this program sweeps; with one it is the
//! program that is swept.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test, whose table is its output"
)]

mod pipes;
mod queues;

use std::collections::BTreeMap;
use std::process::ExitCode;

use core_process::Status;
use grader::cage::CageSpec;
use grader::inject::{Action, Sweep, SweepRun, sweep};

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

fn operations() -> impl Iterator<Item = &'static Operation> {
    pipes::OPERATIONS.iter().chain(queues::OPERATIONS)
}

fn main() -> ExitCode {
    core_process::init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [role, name] = &arguments[..]
        && role == "swept"
    {
        let operation = operations().find(|operation| operation.name == name).unwrap();
        println!("{}", (operation.run)());
        return ExitCode::SUCCESS;
    }
    if arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    println!(
        "{:28} {:8} {:>5} {:>5}  outcomes",
        "operation", "fault", "hits", "bad"
    );
    let (mut passed, mut failed) = (0, 0);
    for operation in operations() {
        for (fault, action) in &FAULTS[..operation.faults] {
            match run(operation.name, *action) {
                Ok(runs) if report(operation.name, fault, &runs) => passed += 1,
                Ok(_) => failed += 1,
                Err(error)
                    if error.kind() == std::io::ErrorKind::Unsupported
                        || error.to_string().contains("ptrace") =>
                {
                    println!("ignored: {error}");
                    println!(
                        "\ntest result: ok. 0 passed; 0 failed; {} ignored; 0 measured; 0 filtered out",
                        operations().map(|operation| operation.faults).sum::<usize>()
                    );
                    return ExitCode::SUCCESS;
                }
                Err(error) => {
                    println!("{}: {error}", operation.name);
                    failed += 1;
                }
            }
        }
    }
    let result = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {result}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out"
    );
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
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
    println!(
        "{name:28} {fault:8} {hits:5} {:5}  {}",
        bad.len(),
        outcomes.join(", ")
    );
    for run in &bad {
        println!("    BAD {run}\n        {}\n        {}", run.stdout, run.stderr);
    }
    // A sweep that hits nothing, or never gets through, shows nothing.
    let shows_something = hits > 0 && runs.last().is_some_and(|run| run.injected.is_none());
    if !shows_something {
        println!("    BAD: the sweep did not end with an undisturbed run, or hit nothing");
    }
    bad.is_empty() && shows_something
}
