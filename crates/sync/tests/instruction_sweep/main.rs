//! A kill after every instruction that changes anything which outlives the process: the fast paths make no system call, so a sweep over
//! calls alone would not see them.
//!
//! A victim does an operation one instruction at a time (ptrace). What a killed process leaves is the object's memory and what the
//! kernel does with the thread's list of robust mutexes; two instructions between which neither differs are the same death. So in run k
//! the victim is killed at the k-th change of either, until it comes through. Then the others use the object: a sleeper
//! must wake, the lock must pass on, every permit must be back.
//!
//! `cargo test -p sync --test instruction_sweep` prints the table.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test, whose table is its output"
)]

mod robust_list;
mod scenes;
mod victim;

use std::collections::BTreeMap;
use std::process::ExitCode;

use scenes::{SCENES, WATCHDOG};
use victim::{Reached, Victim};

fn main() -> ExitCode {
    core_process::init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let wanted: Vec<&String> = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let chosen = |name: &str| wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str()));
    println!(
        "{:32} {:>6} {:>12} {:>4}  outcomes",
        "operation", "deaths", "instructions", "bad"
    );
    let (mut passed, mut failed) = (0, 0);
    for (name, scene) in SCENES.iter().filter(|(name, _)| chosen(name)) {
        match sweep(*scene) {
            Ok(row) if row.bad.is_empty() && row.deaths > 0 => {
                println!("{name:32} {row}");
                passed += 1;
            }
            Ok(row) => {
                println!("{name:32} {row}");
                row.bad.iter().for_each(|bad| println!("    BAD {bad}"));
                failed += 1;
            }
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                println!("ignored: ptrace is forbidden here: {error}");
                println!(
                    "\ntest result: ok. 0 passed; 0 failed; {} ignored; 0 measured; 0 filtered out",
                    SCENES.len()
                );
                return ExitCode::SUCCESS;
            }
            Err(error) => {
                println!("{name:32} {error}");
                failed += 1;
            }
        }
    }
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {word}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out"
    );
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// What a sweep has found.
struct Row {
    deaths: u32,
    instructions: u64,
    outcomes: BTreeMap<&'static str, u32>,
    bad: Vec<String>,
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let outcomes: Vec<String> = self
            .outcomes
            .iter()
            .map(|(what, count)| format!("{count} x {what}"))
            .collect();
        write!(
            f,
            "{:6} {:12} {:4}  {}",
            self.deaths,
            self.instructions,
            self.bad.len(),
            outcomes.join(", ")
        )
    }
}

fn sweep(scene: fn() -> scenes::Scene) -> std::io::Result<Row> {
    let mut row = Row {
        deaths: 0,
        instructions: 0,
        outcomes: BTreeMap::new(),
        bad: Vec::new(),
    };
    loop {
        let scene = scene();
        let mut victim = Victim::start(scene.victim)?;
        let sleepers: Vec<_> = scene.sleepers.into_iter().map(victim::sleeper).collect();
        let reached = victim.run_to_change(row.deaths, &scene.memory)?;
        victim.kill();
        let check = (scene.check)();
        let slept: Vec<bool> = sleepers
            .iter()
            .map(|sleeper| sleeper.join_timeout(WATCHDOG).is_ok_and(|woke| woke))
            .collect();
        match check {
            Ok(outcome) => *row.outcomes.entry(outcome).or_default() += 1,
            Err(wrong) => row.bad.push(format!("death {}: {wrong}", row.deaths)),
        }
        if !slept.iter().all(|woke| *woke) {
            row.bad
                .push(format!("death {}: a sleeper was left asleep", row.deaths));
            sleepers.iter().for_each(|sleeper| drop(sleeper.kill()));
        }
        if let Reached::End { instructions } = reached {
            row.instructions = instructions;
            return Ok(row);
        }
        row.deaths += 1;
    }
}
