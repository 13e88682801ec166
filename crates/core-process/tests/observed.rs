//! What an observer is told: each event that belongs to a line of the user's program names that line.
#![allow(clippy::unwrap_used, reason = "a test")]

core_process::divert_before_main!();

use std::panic::Location;
use std::sync::Mutex;
use std::time::Duration;

use core_process::probe::{self, Event, Phase};
use core_process::{Process, Until, wait_any};

static SEEN: Mutex<Vec<Event>> = Mutex::new(Vec::new());

fn write_down(event: &Event) {
    SEEN.lock().unwrap().push(*event);
}

/// The line of this file that an event of this name points to; the library's own processes are started elsewhere.
fn line_of(name: &str, phase: Phase) -> Option<u32> {
    let seen = SEEN.lock().unwrap();
    let of_this_kind = seen
        .iter()
        .filter(|event| event.name == name && event.phase == phase);
    let mut places = of_this_kind.filter_map(|event| event.location);
    places.find(|place| place.file() == file!()).map(Location::line)
}

#[test]
fn start_signal_and_waits_name_their_lines() {
    probe::install(write_down);
    let recipe = Process::new(std::thread::park, ());
    let (first, child) = (line!(), recipe.start());
    let child = child.unwrap();
    // A look with a deadline is no news.
    assert!(wait_any(&[&child], Duration::ZERO).is_err());
    assert_eq!(line_of("wait_any", Phase::Begin), None);
    child.kill().unwrap();
    wait_any(&[&child], Until::forever()).unwrap();
    child.wait().unwrap();

    let started = line_of("start", Phase::Point).unwrap();
    assert_eq!(started, first);
    assert_eq!(line_of("signal", Phase::Point), Some(started + 5));
    assert_eq!(line_of("wait_any", Phase::Begin), Some(started + 6));
    assert_eq!(line_of("wait_any", Phase::End), Some(started + 6));
    assert_eq!(line_of("wait", Phase::Begin), Some(started + 7));
}
