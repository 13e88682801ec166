//! Checks of lesson 3.5: stations in processes of their own write to each other, and the answer is the post office between them.
//!
//! A station is the grader's and follows a script. The main process is held where a mistake would show: until all letters of a burst lie
//! in the pipes, until those who die are dead.

#[path = "check/judges.rs"]
mod judges;
#[path = "check/scripts.rs"]
mod scripts;
#[path = "check/station.rs"]
mod station;

use std::sync::OnceLock;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use core_process::probe;
use grader::Scenario;
use grader::work::{await_end_of_child, observe};

pub use scripts::Input;
pub use station::{Letter, Station, live};

use judges::{judge, judge_silence};
use scripts::{draw_burst, draw_chain, draw_deaths, draw_letters, draw_silence};
use station::{ALL_SENT, DIES, IS_WATCHED, NEEDED, PID, WATCHED};

/// What the learner writes: starts the stations, carries their letters, and says how many each of them has got; `None` for one that
/// did not come back.
pub type Answer = fn(stations: Vec<Station>) -> Vec<Option<u64>>;

#[derive(Debug)]
struct Hold {
    pid: u32,
    stations: u32,
    burst: bool,
    dead: Vec<u64>,
}

static HOLD: OnceLock<Hold> = OnceLock::new();

/// Sees what the main process does with the library.
fn after_event(event: &probe::Event) {
    static STARTED: AtomicU32 = AtomicU32::new(0);
    static LOOKS: AtomicU32 = AtomicU32::new(0);
    let Some(hold) = HOLD.get().filter(|hold| hold.pid == std::process::id()) else {
        return;
    };
    match (event.name, event.phase) {
        ("start", probe::Phase::Point) if STARTED.fetch_add(1, Relaxed) + 1 == hold.stations => {
            if hold.burst {
                ALL_SENT.wait();
            }
            for station in &hold.dead {
                DIES.number(*station).wait();
                await_end_of_child(PID.number(*station).value() as u32);
            }
        }
        // Who looks again and again is let do so slowly: the journal has not room for all of it.
        ("wait_any", probe::Phase::End)
            if IS_WATCHED.value() > 0 && !WATCHED.is_open() && LOOKS.fetch_add(1, Relaxed) > 20 =>
        {
            std::thread::sleep(Duration::from_millis(1));
        }
        _ => {}
    }
}

/// The situations that an answer is put into.
pub fn scenarios(route: Answer) -> Vec<Scenario> {
    let act = move |input: Input| {
        NEEDED.fetch_add(u64::from(input.burst));
        let hold = Hold {
            pid: std::process::id(),
            stations: input.stations.len() as u32,
            burst: input.burst > 0,
            dead: input.dead.iter().map(|station| u64::from(*station)).collect(),
        };
        let _ = HOLD.set(hold);
        observe(after_event);
        route(input.stations)
    };
    vec![
        Scenario::new("letters", draw_letters, act, judge),
        Scenario::new("an answer is waited for", draw_chain, act, judge),
        Scenario::new("all write at once", draw_burst, act, judge),
        Scenario::new("some die", draw_deaths, act, judge),
        Scenario::new("a long silence", draw_silence, act, judge_silence),
    ]
}
