//! A process is killed at every instruction and at every system call of each operation of a pipe and a queue, and each call fails in each
//! way: nothing is torn, nobody waits for the dead, everybody is told of the end, nothing is left.
//!
//! How, and why a death at each change is one at each instruction, says `grader::stepping`; `IPC_SWEEP_EVERY_INSTRUCTION=1` kills after each all
//! the same.
//! `cargo test -p ipc --test kill_sweep` prints both tables; an argument chooses rows by a part of their names. With the argument
//! `swept` and a name this program is the one that is swept.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test, whose table is its output"
)]

mod calls;
mod listeners;
mod pipes;
mod queues;
mod scenes;

use std::process::ExitCode;

use grader::Belongings;
use grader::stepping::{self, Deaths, Swept};

fn main() -> ExitCode {
    core_process::init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [role, name] = &arguments[..]
        && role == "swept"
    {
        calls::play(name);
        return ExitCode::SUCCESS;
    }
    if arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let wanted: Vec<&String> = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let chosen = |name: &str| wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str()));
    let tables = [instructions(chosen), calls::sweep_all(chosen)];
    let sum = |part: fn(&Swept) -> usize| tables.iter().map(part).sum::<usize>();
    let (passed, failed, ignored) = (
        sum(|table| table.passed),
        sum(|table| table.failed),
        sum(|table| table.ignored),
    );
    let deaths: u64 = tables.iter().map(|table| table.deaths).sum();
    if failed == 0 {
        println!("{deaths} deaths: nothing torn, nobody left waiting, every end told, nothing left");
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

/// The sweep over instructions, after which this process has what it had before.
fn instructions(chosen: impl Fn(&str) -> bool) -> Swept {
    let deaths = match std::env::var_os("IPC_SWEEP_EVERY_INSTRUCTION") {
        Some(_) => Deaths::AtEachInstruction,
        None => Deaths::AtEachChange,
    };
    // What is made once for all, and what a start leaves to the next one, is there by an object's life and a child's.
    scenes::warm_up();
    let before = Belongings::of_this_process();
    let mut swept = stepping::sweep_all(scenes::SCENES, deaths, chosen, |line| println!("{line}"));
    scenes::warm_up();
    let after = Belongings::of_this_process();
    if before != after {
        println!("    BAD left behind\n        before: {before:?}\n        after:  {after:?}");
    }
    swept.add(before == after, 0);
    swept
}
