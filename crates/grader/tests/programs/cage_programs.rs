//! Programs that misbehave in one way each, and the warden that runs them in the cage.
//!
//! `cage-programs warden` reads a specification (JSON) from its standard input and prints the outcome.
//! `cage-programs PROGRAM` is a program. A test that needs a process to be in a certain state waits for it inside the
//! program; nothing here sleeps to make something likely.
#![allow(clippy::print_stdout, reason = "a program's output is what is tested")]

mod clock;
mod deeds;
mod hangs;
mod raw;

use std::io::Read;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((role, rest)) = args.split_first() else {
        return ExitCode::from(2);
    };
    if role == "warden" {
        return warden();
    }
    match deeds::find(role) {
        Some(deed) => {
            deed(rest);
            ExitCode::SUCCESS
        }
        None => ExitCode::from(2),
    }
}

fn warden() -> ExitCode {
    let mut text = String::new();
    if std::io::stdin().read_to_string(&mut text).is_err() {
        return ExitCode::from(2);
    }
    let Ok(spec) = serde_json::from_str(&text) else {
        return ExitCode::from(2);
    };
    let clock = clock::Clock::new();
    let spec = clock.given_to(spec);
    let result = grader::cage::run(&spec, &|| clock.read()).map_err(|error| error.to_string());
    match serde_json::to_string(&result) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(_) => ExitCode::from(3),
    }
}
