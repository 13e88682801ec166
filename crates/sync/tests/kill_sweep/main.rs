//! A process is killed at every instruction and at every system call of each operation: no lock is dead afterwards, no sleeper is left
//! asleep, and a death with something in hand is told.
//!
//! How, and why a death at each change is one at each instruction, says `grader::stepping`; `SYNC_SWEEP_EVERY_INSTRUCTION=1` kills after each all
//! the same, which takes a quarter of an hour and shows the same.
//! `cargo test -p sync --test kill_sweep` prints both tables; an argument chooses rows by a part of their names. With the argument
//! `swept` and a name this program is the one that is swept.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test, whose table is its output"
)]

mod calls;
#[path = "../gate/mod.rs"]
mod gate;
mod scenes;
mod swept;

use std::process::ExitCode;

use grader::stepping::{self, Deaths, Swept};

fn main() -> ExitCode {
    core_process::init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [role, name] = &arguments[..]
        && role == "swept"
    {
        return swept::run(name);
    }
    if arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let wanted: Vec<&String> = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let chosen = |name: &str| wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str()));
    let deaths = match std::env::var_os("SYNC_SWEEP_EVERY_INSTRUCTION") {
        Some(_) => Deaths::AtEachInstruction,
        None => Deaths::AtEachChange,
    };
    let tables = [
        stepping::sweep_all(scenes::SCENES, deaths, chosen, |line| println!("{line}")),
        calls::sweep_all(chosen),
    ];
    let sum = |part: fn(&Swept) -> usize| tables.iter().map(part).sum::<usize>();
    let (passed, failed, ignored) = (
        sum(|table| table.passed),
        sum(|table| table.failed),
        sum(|table| table.ignored),
    );
    let deaths: u64 = tables.iter().map(|table| table.deaths).sum();
    if failed == 0 {
        println!("{deaths} deaths: 0 dead locks, 0 sleepers left asleep, every death in hand told");
    }
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {word}. {passed} passed; {failed} failed; {ignored} ignored; 0 measured; 0 filtered out"
    );
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
