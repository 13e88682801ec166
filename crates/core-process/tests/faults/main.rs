//! Bad luck, one scenario after another: each runs in a process of its own, in namespaces of its own where the system
//! permits it, and is followed by an account of what it left behind.
//!
//! `cargo test -p core-process --test faults [part of a name ...]`. Names begin with the row of the fault that they show.
//! The scenarios are ordinary programs: their `main` begins with `init()`, and their children come that way too.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "this is a test without a harness"
)]

mod account;
mod arguments;
mod cage;
mod descriptors;
mod ends;
mod forkserver;
mod limits;
mod many;
mod parent_death;
mod reaping;
mod robust;
mod scene;
mod streams;
mod uninitialised;

use std::process::ExitCode;

/// A scenario, or a program that a scenario runs.
type Named = (&'static str, fn());

/// Names functions by themselves.
macro_rules! named {
    ($($name:ident),* $(,)?) => { &[$((stringify!($name), $name as fn())),*] };
}
use named;

const SCENARIOS: &[&[Named]] = &[
    arguments::SCENARIOS,
    descriptors::SCENARIOS,
    ends::SCENARIOS,
    forkserver::SCENARIOS,
    limits::SCENARIOS,
    many::SCENARIOS,
    parent_death::SCENARIOS,
    reaping::SCENARIOS,
    robust::SCENARIOS,
    streams::SCENARIOS,
    uninitialised::SCENARIOS,
];

const PROGRAMS: &[&[Named]] = &[
    forkserver::PROGRAMS,
    limits::PROGRAMS,
    parent_death::PROGRAMS,
    reaping::PROGRAMS,
    streams::PROGRAMS,
];

fn find(all: &[&[Named]], name: &str) -> Option<fn()> {
    all.iter()
        .copied()
        .flatten()
        .find(|(known, _)| *known == name)
        .map(|(_, run)| *run)
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let role = args.first().map_or("", String::as_str);
    let name = args.get(1).map_or("", String::as_str);
    // The one kind of program here that does something before `init`: the mistake is the scenario.
    if role == "--uninitialised" {
        uninitialised::before_init(name);
    }
    core_process::init();
    match role {
        "--uninitialised" => uninitialised::after_init(),
        "--program" => find(PROGRAMS, name).unwrap_or_else(|| panic!("no program {name}"))(),
        cage::ISOLATED => return cage::isolated(name),
        cage::FIRST => return cage::first(name),
        cage::INSIDE => {
            let account = account::Account::open();
            find(SCENARIOS, name).unwrap_or_else(|| panic!("no scenario {name}"))();
            account.settle();
        }
        _ => return cage::run_all(SCENARIOS, &args),
    }
    ExitCode::SUCCESS
}
