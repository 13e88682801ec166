//! Checks of lesson 4.4: runners in processes of their own begin together at one signal, and end at another one.
//!
//! The grader's tasks hold a runner where a mistake would show: behind the line, in its first lap, in its last one.

use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use core_process::probe::{self, Phase};
use core_process::{Child, ChildHandle};
use grader::work::{Gate, Rendezvous, Rest, note, observe, watch_rest};
use grader::{Draw, Event, Evidence, Findings, Scenario, Verdict};
use serde::{Deserialize, Serialize};

/// What the learner writes: lets the runners run, each in a process of its own, and says how many laps each has made; `None` for
/// one that did not come back.
pub type Answer = fn(runners: Vec<Runner>) -> Vec<Option<u64>>;

/// A runner: an argument of its process, and of what it does there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Runner {
    /// Its number, from 0.
    pub number: u32,
    fate: Fate,
    /// The race is over when every runner has made so many.
    laps: u32,
    /// So many runners run.
    running: u32,
}

/// What becomes of a runner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Fate {
    /// It runs.
    Runs,
    /// It is kept from waiting until the start is over.
    Late,
    /// It is killed while it waits for the start.
    Falls,
}

/// How the start goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// As soon as all are there.
    AtOnce,
    /// When nobody moves any more.
    Calm,
    /// When it is clear whether those who wait sleep.
    Watched,
    /// All have stepped up before the main process does anything else.
    AllReadyFirst,
}

/// What one run is given.
#[derive(Clone, Debug)]
pub struct Input {
    runners: Vec<Runner>,
    start: Start,
}

const ON_THE_LINE: Gate = Gate::named("on the line");
const FALLS: Gate = Gate::named("falls");
const CALM: Gate = Gate::named("calm");
const LATE: Gate = Gate::named("start is over");
const ENOUGH: Gate = Gate::named("laps made");
const STOP: Gate = Gate::named("stop");
const FIRST_LAP: Rendezvous = Rendezvous::named("first lap");

const READY: &str = "all are on the line";

/// Laps that a runner may make after its last one before it is taken off the track.
const TOO_MANY: u32 = 3;

// ---- what a runner's process does

/// Steps up to the line. Call it in the runner's process, before it waits for the start.
pub fn step_up(runner: &Runner) {
    note("steps up", runner.number.into());
    let pid = u64::from(std::process::id());
    if runner.fate == Fate::Falls {
        FALLS.number(pid).open();
    }
    ON_THE_LINE.number(pid).open();
    if runner.fate == Fate::Late {
        // While the others are calm it looks as if nobody could open; so it asks again.
        (0..50).find(|_| LATE.wait());
    }
}

/// One lap. Call it in the runner's process, from the start until the stop.
pub fn lap(runner: &Runner) {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let number = MADE.fetch_add(1, Relaxed) + 1;
    note("lap", runner.number.into());
    if number == 1 {
        FIRST_LAP.meet(runner.running);
    }
    if number == runner.laps {
        ENOUGH.number(runner.number.into()).open();
    }
    // It lasts until the stop: whoever asks after it has to see it.
    if number == runner.laps + 1 {
        STOP.wait();
    }
    if number == runner.laps + 1 + TOO_MANY {
        core_process::exit(3);
    }
}

// ---- what the main process does

struct Referee {
    input: Input,
    pid: u32,
}

static REFEREE: OnceLock<Referee> = OnceLock::new();
static IS_OVER: AtomicBool = AtomicBool::new(false);

fn referee() -> Option<&'static Referee> {
    REFEREE.get().filter(|referee| referee.pid == std::process::id())
}

/// Waits until these runners stand on the line. Call it in the main process before you give the signal. (It is also where a runner
/// falls.)
pub fn ready(runners: &[Child<u64>]) {
    let Some(referee) = referee() else { return };
    for child in runners {
        ON_THE_LINE.number(child.pid().into()).wait();
    }
    match referee.input.start {
        Start::AtOnce | Start::AllReadyFirst => {}
        Start::Calm => {
            CALM.wait();
        }
        Start::Watched => runners.iter().for_each(|child| {
            if watch_rest(child.pid()) == Rest::Asleep {
                note("sleeps", child.pid().into());
            }
        }),
    }
    for child in runners
        .iter()
        .filter(|child| FALLS.number(child.pid().into()).is_open())
    {
        note("falls", child.pid().into());
        fall(child);
    }
    note(READY, 0);
}

fn fall(child: &ChildHandle) {
    // It may have ended by itself, which the report shows.
    if child.kill().is_ok() {
        let _ = child.wait();
    }
}

/// Waits until the race has lasted long enough. Call it in the main process after the start and before the stop.
pub fn watch_the_race() {
    let Some(referee) = referee() else { return };
    LATE.open();
    for runner in referee
        .input
        .runners
        .iter()
        .filter(|runner| runner.fate != Fate::Falls)
    {
        ENOUGH.number(runner.number.into()).wait();
    }
    note("finish", 0);
    IS_OVER.store(true, Relaxed);
}

/// Sees what the main process does with the library.
fn after_event(event: &probe::Event) {
    static STARTED: AtomicU32 = AtomicU32::new(0);
    let Some(referee) = referee() else { return };
    match (event.name, event.phase) {
        // A stop, or the wait for what a stop of another kind has told to end.
        ("set" | "clear", _) | ("join" | "wait", Phase::Begin) if IS_OVER.load(Relaxed) => STOP.open(),
        ("start", Phase::Point)
            if referee.input.start == Start::AllReadyFirst
                && STARTED.fetch_add(1, Relaxed) + 1 == referee.input.runners.len() as u32 =>
        {
            CALM.wait();
        }
        _ => {}
    }
}

// ---- the scenarios

/// The situations that an answer is put into.
pub fn scenarios(race: Answer) -> Vec<Scenario> {
    let act = move |input: Input| {
        let runners = input.runners.clone();
        let pid = std::process::id();
        let _ = REFEREE.set(Referee { input, pid });
        observe(after_event);
        race(runners)
    };
    vec![
        Scenario::new("a race", draw_race, act, judge),
        Scenario::new("a long wait for the start", draw_wait, act, judge_rest),
        Scenario::new("all are ready before anybody looks", draw_ready, act, judge),
        Scenario::new("one is late at the line", draw_late, act, judge),
        Scenario::new("some fall before the start", draw_fall, act, judge),
    ]
}

fn runners(draw: &mut Draw, count: usize, fates: &[Fate]) -> Vec<Runner> {
    let mut fates: Vec<Fate> = (0..count)
        .map(|place| fates.get(place).copied().unwrap_or(Fate::Runs))
        .collect();
    draw.shuffle(&mut fates);
    let laps = draw.number(1..=4) as u32;
    let running = fates.iter().filter(|fate| **fate != Fate::Falls).count() as u32;
    (0..)
        .zip(fates)
        .map(|(number, fate)| Runner {
            number,
            fate,
            laps,
            running,
        })
        .collect()
}

fn draw_race(draw: &mut Draw) -> Input {
    let count = draw.size(5);
    Input {
        runners: runners(draw, count, &[]),
        start: Start::Calm,
    }
}

fn draw_wait(draw: &mut Draw) -> Input {
    let count = draw.size_in(1..=3);
    Input {
        runners: runners(draw, count, &[]),
        start: Start::Watched,
    }
}

fn draw_ready(draw: &mut Draw) -> Input {
    let count = draw.size_in(2..=4);
    Input {
        runners: runners(draw, count, &[]),
        start: Start::AllReadyFirst,
    }
}

fn draw_late(draw: &mut Draw) -> Input {
    let count = draw.size_in(1..=5);
    Input {
        runners: runners(draw, count, &[Fate::Late]),
        start: Start::AtOnce,
    }
}

fn draw_fall(draw: &mut Draw) -> Input {
    let count = draw.size_in(2..=5);
    let falling = draw.size_in(1..=count - 1);
    Input {
        runners: runners(draw, count, &[Fate::Falls; 4][..falling]),
        start: Start::Calm,
    }
}

/// The laps of a runner.
fn laps_of(
    seen: &Evidence<Vec<Option<u64>>>,
    number: u32,
) -> impl DoubleEndedIterator<Item = &Event> + Clone {
    seen.journal
        .named("lap")
        .filter(move |event| event.value == i64::from(number))
}

/// When the main process was let give the signal.
fn start_of(seen: &Evidence<Vec<Option<u64>>>) -> u64 {
    let ready = seen.journal.named(READY).next();
    ready.map_or(u64::MAX, |event| event.seq)
}

fn is_early(seen: &Evidence<Vec<Option<u64>>>) -> bool {
    seen.journal.named("lap").any(|event| event.seq < start_of(seen))
}

fn pid_of(seen: &Evidence<Vec<Option<u64>>>, number: u32) -> i32 {
    let stepped = seen
        .journal
        .named("steps up")
        .find(|event| event.value == i64::from(number));
    stepped.map_or(0, |event| event.pid)
}

fn judge(input: &Input, seen: &Evidence<Vec<Option<u64>>>, found: &mut Findings) {
    let laps = || seen.journal.named("lap");
    let early = laps().find(|event| event.seq < start_of(seen));
    found
        .check("start", Verdict::Race, early.is_none(), || {
            let (pid, number) = early.map_or((0, 0), |event| (event.pid, event.value));
            format!("runner {number} (pid {pid}) ran before the signal: not all were on the line")
        })
        .show_lines(|| steps(seen));

    let here = laps().find(|event| event.pid == seen.main_pid);
    found
        .check("together", Verdict::NotAProcess, here.is_none(), || {
            format!("a runner ran in the main process (pid {})", seen.main_pid)
        })
        .show_lines(|| steps(seen));
    let meetings = seen.meetings("first lap");
    found
        .overlap("together", meetings, || {
            format!(
                "{} runners were to run at the same time; {} of them met nobody in their first lap",
                input.runners.len(),
                meetings.missed
            )
        })
        .show_lines(|| steps(seen));

    let too_far = input
        .runners
        .iter()
        .find(|runner| laps_of(seen, runner.number).count() as u32 > runner.laps + 1);
    found
        .check("stop", Verdict::Wrong, too_far.is_none(), || {
            let runner = too_far.map_or(0, |runner| runner.number);
            let most = too_far.map_or(0, |runner| runner.laps as usize + 1);
            format!(
                "runner {runner} (pid {}) made {} laps; the stop came in its lap {most} at the latest",
                pid_of(seen, runner),
                laps_of(seen, runner).count()
            )
        })
        .show_lines(|| steps(seen));

    let Some(said) = &seen.value else { return };
    let made: Vec<Option<u64>> = input
        .runners
        .iter()
        .map(|runner| (runner.fate != Fate::Falls).then(|| laps_of(seen, runner.number).count() as u64))
        .collect();
    found
        .check("report", Verdict::Wrong, *said == made, || {
            format!(
                "the runners made {} laps; the answer says {}",
                list(&made),
                list(said)
            )
        })
        .show_lines(|| {
            input
                .runners
                .iter()
                .map(|runner| {
                    let pid = pid_of(seen, runner.number);
                    let status = seen.process(pid).and_then(|process| process.status);
                    let how = status.map_or("was not seen to end".to_owned(), |status| status.to_string());
                    let laps = laps_of(seen, runner.number).count();
                    format!("pid {pid} (runner {}) made {laps} laps and {how}", runner.number)
                })
                .collect()
        });
}

/// What happened, in order.
fn steps(seen: &Evidence<Vec<Option<u64>>>) -> Vec<String> {
    const MOST: usize = 24;
    let line = |event: &Event| {
        let does = match (event.name.as_str(), event.value) {
            ("steps up", number) => format!("(runner {number}) is on the line"),
            (READY, _) => "may give the signal".to_owned(),
            ("lap", number) => format!("(runner {number}) begins a lap"),
            ("finish", _) => "may stop the race".to_owned(),
            ("set", _) => "sets an event".to_owned(),
            ("clear", _) => "clears an event".to_owned(),
            _ => return None,
        };
        Some(format!("pid {} {does}", event.pid))
    };
    seen.journal.events().iter().filter_map(line).take(MOST).collect()
}

fn list(laps: &[Option<u64>]) -> String {
    let text: Vec<String> = laps
        .iter()
        .map(|laps| laps.map_or("none".to_owned(), |laps| laps.to_string()))
        .collect();
    format!("[{}]", text.join(", "))
}

fn judge_rest(input: &Input, seen: &Evidence<Vec<Option<u64>>>, found: &mut Findings) {
    // Who does not wait at all need not sleep; the first check says it.
    if !is_early(seen) {
        judge_sleep(input, seen, found);
    }
    judge(input, seen, found);
}

fn judge_sleep(input: &Input, seen: &Evidence<Vec<Option<u64>>>, found: &mut Findings) {
    let rests: Vec<(u32, Option<Rest>)> = input
        .runners
        .iter()
        .map(|runner| (runner.number, seen.rest(pid_of(seen, runner.number))))
        .collect();
    let awake = rests
        .iter()
        .find(|(_, rest)| matches!(rest, Some(Rest::Awake(_))));
    let unknown = rests.iter().any(|(_, rest)| !matches!(rest, Some(Rest::Asleep)));
    if awake.is_none() && unknown {
        found.skip("sleep", "this machine was too busy to show it");
    } else {
        found
            .check("sleep", Verdict::Limit, awake.is_none(), || {
                let (number, rest) = awake.copied().unwrap_or((0, None));
                let looks = match rest {
                    Some(Rest::Awake(looks)) => looks,
                    _ => 0,
                };
                format!(
                    "runner {number} (pid {}) had nothing to do but to wait for the start, and {looks} looks found it awake",
                    pid_of(seen, number)
                )
            })
            .show_lines(|| {
                rests
                    .iter()
                    .map(|(number, rest)| {
                        let does = match rest {
                            Some(Rest::Asleep) => "slept until the signal".to_owned(),
                            Some(Rest::Awake(looks)) => format!("was awake at {looks} looks, and no signal had come"),
                            _ => "could not be watched".to_owned(),
                        };
                        format!("pid {} (runner {number}) {does}", pid_of(seen, *number))
                    })
                    .collect()
            });
    }
}
