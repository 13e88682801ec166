//! Checks of lesson 2.11: what has to happen once happens once, though every child runs the same program.

use std::collections::BTreeSet;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use core_process::StartMethod;
use grader::work::note;
use grader::{Draw, Event, Evidence, Findings, Scenario, Source, Verdict};

/// Opens the log and writes its header. To be done once.
pub fn open_log() {
    note("header", 0);
}

/// Binds the program's port. A port can be bound once at a time; a second process that tries gets an error.
pub fn bind_port() -> std::io::Result<UnixListener> {
    note("bind", 0);
    // One name for each run, so that runs beside each other do not meet.
    let name = format!(
        "lesson-2.11 {}",
        std::env::var("GRADER_JOURNAL").unwrap_or_default()
    );
    UnixListener::bind_addr(&SocketAddr::from_abstract_name(name)?)
}

/// How many guests come.
pub fn guests() -> u64 {
    *grader::input::<u64>()
}

/// Greets a guest. Pass it to `Process::new`.
pub fn greet(guest: u64) -> String {
    note("greet", guest as i64);
    format!("welcome, guest {guest}")
}

/// The situations that an answer is put into.
pub fn scenarios(main: fn()) -> Vec<Scenario> {
    vec![Scenario::program("an evening", draw, main, judge)]
}

fn draw(draw: &mut Draw) -> u64 {
    draw.size_in(1..=5) as u64
}

fn judge(guests: &u64, seen: &Evidence<()>, found: &mut Findings) {
    for (id, event, what) in [
        ("log", "header", "the header was written"),
        ("port", "bind", "the port was bound"),
    ] {
        let events: Vec<_> = seen.journal.named(event).collect();
        found
            .check(id, Verdict::Wrong, events.len() == 1, || {
                let pids: BTreeSet<i32> = events.iter().map(|event| event.pid).collect();
                match events.len() {
                    0 => format!("{what} by nobody"),
                    times => format!(
                        "{what} {times} times, by the processes {pids:?}; the main process is {}",
                        seen.main_pid
                    ),
                }
            })
            .show(events.iter().copied());
    }
    let greetings: Vec<_> = seen.journal.named("greet").collect();
    let mut greeted: Vec<i64> = greetings.iter().map(|event| event.value).collect();
    greeted.sort_unstable();
    let expected: Vec<i64> = (1..=*guests as i64).collect();
    found
        .check("guests", Verdict::Wrong, greeted == expected, || {
            format!("guests {expected:?} came; those that were greeted: {greeted:?}")
        })
        .show(greetings.iter().copied());
    let pids: BTreeSet<i32> = greetings.iter().map(|event| event.pid).collect();
    let here = pids.contains(&seen.main_pid);
    found
        .check(
            "processes",
            Verdict::NotAProcess,
            !here && pids.len() == greetings.len(),
            || {
                format!(
                    "{} greetings were spoken by the processes {pids:?}; the main process is {}",
                    greetings.len(),
                    seen.main_pid
                )
            },
        )
        .show(greetings.iter().copied());

    // A copy of a running process never comes to `main`, so with copies nothing would be repaired.
    let is_copy = |event: &&Event| {
        event.source == Source::Library
            && event.name == "start"
            && event.value != StartMethod::Spawn as i64
            && pids.contains(&(event.object as i32))
    };
    let copy = seen.journal.events().iter().find(is_copy);
    found
        .check("spawn", Verdict::Wrong, copy.is_none(), || {
            format!(
                "pid {} is a copy of a running process; a child of `Spawn` executes the program from its beginning",
                copy.map_or(0, |event| event.object)
            )
        })
        .show(greetings.iter().copied())
        .at(copy.and_then(|event| event.location.as_ref()));
}
