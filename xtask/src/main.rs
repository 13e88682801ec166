//! The command line of the course: `cargo xtask`.
//!
//! It finds files, builds them and shows what the grader says. It decides nothing about an answer: verdicts come from
//! `grader`, and every exit status stands in [`failure::Kind`] or in `grader::Verdict`.

mod answer;
mod build_report;
mod cargo;
mod cli;
mod commands;
mod course;
mod failure;
mod folder;
mod git;
mod interrupt;
mod judge;
mod learn;
mod lesson_id;
mod machine;
mod manifest;
mod nearest;
mod programme;
mod screen;
mod self_check;
mod subject;
mod sync;
mod template;
mod tidy;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let outcome = cli::Cli::parse().run();
    interrupt::settle();
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            failure.show();
            ExitCode::from(failure.kind.code())
        }
    }
}
