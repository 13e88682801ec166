//! The command line: which commands there are, in the order in which a learner meets them.
//!
//! Invariant: each command is one file of `commands`, with an example in its help. Parsing is clap's.

use clap::{Parser, Subcommand};

use crate::commands;
use crate::course::Course;
use crate::failure::Failure;
use crate::interrupt;

/// The course on multiprocessing in Rust: lessons, and a grader that can be believed.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    version,
    disable_help_subcommand = true,
    after_help = "Begin with:\n  cargo xtask doctor\n  cargo xtask next\n  cargo xtask check-lesson 2.2\n\n\
                  Exit status: 0 on PASS alone, else the verdict's number or the failure's: cargo xtask explain"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(commands::list::List),
    Next(commands::next::Next),
    Start(commands::start::Start),
    CheckLesson(commands::check_lesson::CheckLesson),
    CheckAll(commands::check_all::CheckAll),
    Watch(commands::watch::Watch),
    Hint(commands::hint::Hint),
    Reset(commands::reset::Reset),
    Solution(commands::solution::Solution),
    Example(commands::example::Example),
    Explain(commands::explain::Explain),
    Doctor(commands::doctor::Doctor),
    Verify(commands::verify::Verify),
    Stress(commands::stress::Stress),
    Bench(commands::bench::Bench),
    NewLesson(commands::new_lesson::NewLesson),
    Sync(commands::sync::Sync),
    Tidy(commands::tidy::Tidy),
    Ci(commands::ci::Ci),
    #[command(hide = true)]
    Probe(commands::doctor::Probe),
}

impl Cli {
    /// Runs the command; the number is its exit status.
    pub(crate) fn run(self) -> Result<u8, Failure> {
        if let Command::Probe(command) = self.command {
            return command.run();
        }
        interrupt::watch();
        let course = Course::here()?;
        match self.command {
            Command::List(command) => command.run(&course),
            Command::Next(command) => command.run(&course),
            Command::Start(command) => command.run(&course),
            Command::CheckLesson(command) => command.run(&course),
            Command::CheckAll(command) => command.run(&course),
            Command::Watch(command) => command.run(&course),
            Command::Hint(command) => command.run(&course),
            Command::Reset(command) => command.run(&course),
            Command::Solution(command) => command.run(&course),
            Command::Example(command) => command.run(&course),
            Command::Explain(command) => command.run(),
            Command::Doctor(command) => command.run(&course),
            Command::Verify(command) => command.run(&course),
            Command::Stress(command) => command.run(&course),
            Command::Bench(command) => command.run(&course),
            Command::NewLesson(command) => command.run(&course),
            Command::Sync(command) => command.run(&course),
            Command::Tidy(command) => command.run(&course),
            Command::Ci(command) => command.run(&course),
            Command::Probe(_) => Ok(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent_and_every_command_shows_an_example() {
        Cli::command().debug_assert();
        for command in Cli::command()
            .get_subcommands()
            .filter(|command| !command.is_hide_set())
        {
            let name = command.get_name();
            let help = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(
                help.contains(&format!("cargo xtask {name}")),
                "{name} --help shows no example"
            );
            assert!(command.get_about().is_some(), "{name} does not say what it does");
        }
    }
}
