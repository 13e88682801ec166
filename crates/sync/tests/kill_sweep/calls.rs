//! A kill at every system call of each operation: whoever is left gets the object, with the news where there is some, and never
//! waits for the dead.
//!
//! A child operates on the object between two points and is killed at its first, its second, its third ... call there; the main
//! process then uses the object. A run must end by itself: a sleeper left asleep is a HANG of the cage.

use std::collections::BTreeMap;
use std::time::Duration;

use core_process::Status;
use grader::cage::{CageSpec, Ended};
use grader::inject::{Sweep, SweepRun, sweep};

use grader::stepping::Swept;

use crate::swept;

/// Prints the table.
pub(crate) fn sweep_all(chosen: impl Fn(&str) -> bool) -> Swept {
    println!(
        "{:32} {:>6} {:>12} {:>4}  outcomes",
        "at every system call", "deaths", "", "bad"
    );
    let mut total = Swept::default();
    for operation in swept::OPERATIONS {
        if !chosen(operation.name) {
            continue;
        }
        match run(operation.name) {
            Ok(runs) => {
                let kills = runs.iter().filter(|run| run.injected.is_some()).count();
                total.add(report(operation.name, &runs) == 0, kills as u64);
            }
            Err(error)
                if error.kind() == std::io::ErrorKind::Unsupported
                    || error.to_string().contains("ptrace") =>
            {
                println!("ignored: {error}");
                return Swept::forbidden(swept::OPERATIONS.len());
            }
            Err(error) => {
                println!("{}: {error}", operation.name);
                total.add(false, 0);
            }
        }
    }
    if !chosen(swept::DEADLOCK) {
        return total;
    }
    match deadlock() {
        Ok(seen) => {
            println!(
                "{:32} {:6} {:12} {:4}  {seen}",
                "a deadlock, undisturbed", 0, "", 0
            );
            total.add(true, 0);
        }
        Err(wrong) => {
            println!("a deadlock is not seen as one: {wrong}");
            total.add(false, 0);
        }
    }
    total
}

fn run(name: &str) -> std::io::Result<Vec<SweepRun>> {
    let cage = CageSpec {
        args: vec!["swept".to_owned(), name.to_owned()],
        ..CageSpec::new(std::env::current_exe()?)
    };
    sweep(&Sweep {
        victim: 1,
        after: Some(swept::BEGIN.to_owned()),
        until: Some(swept::END.to_owned()),
        ..Sweep::new(cage)
    })
}

/// Two processes that wait for each other's lock: although each looks again every 200 ms, the cage sees that nothing happens, and who
/// waits for whom.
fn deadlock() -> Result<String, String> {
    let mut cage = CageSpec {
        args: vec!["swept".to_owned(), swept::DEADLOCK.to_owned()],
        ..CageSpec::new(std::env::current_exe().map_err(|error| error.to_string())?)
    };
    cage.budget.deadline = Duration::from_millis(700);
    // No process has that number: the run is not disturbed.
    let undisturbed = Sweep {
        victim: 99,
        most: 1,
        ..Sweep::new(cage)
    };
    let runs = sweep(&undisturbed).map_err(|error| error.to_string())?;
    match runs.first().map(|run| &run.ended) {
        Some(Ended::Hang(diagnosis)) if diagnosis.cycle.len() == 2 => {
            Ok("HANG: two processes wait for each other".to_owned())
        }
        other => Err(format!("{other:?}")),
    }
}

/// Prints a row, and each run that went badly; returns 1 if there was one.
fn report(name: &str, runs: &[SweepRun]) -> usize {
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    for run in runs.iter().filter(|run| run.injected.is_some()) {
        *outcomes
            .entry(run.stdout.lines().next().unwrap_or("nothing"))
            .or_default() += 1;
    }
    let is_fine = |run: &&SweepRun| run.is_clean() && run.exit == Some(Status::Exited(0));
    let bad: Vec<_> = runs.iter().filter(|run| !is_fine(run)).collect();
    let kills = runs.iter().filter(|run| run.injected.is_some()).count();
    let outcomes: Vec<String> = outcomes
        .iter()
        .map(|(what, count)| format!("{count} x {what}"))
        .collect();
    println!(
        "{name:32} {kills:6} {:12} {:4}  {}",
        "",
        bad.len(),
        outcomes.join(", ")
    );
    for run in &bad {
        println!("    BAD {run}\n        {}\n        {}", run.stdout, run.stderr);
        if let Ended::Hang(diagnosis) = &run.ended {
            println!("        {diagnosis:?}");
        }
    }
    // A sweep that hits nothing, or never gets through, shows nothing.
    if kills == 0 || runs.last().is_none_or(|run| run.injected.is_some()) {
        println!("    BAD: the sweep did not end with an undisturbed run, or hit nothing");
        return 1;
    }
    usize::from(!bad.is_empty())
}
