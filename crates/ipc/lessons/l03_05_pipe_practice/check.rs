//! Checks of lesson 3.5: stations in processes of their own write to each other, and the answer is the post office between them.
//!
//! A station is the grader's: it follows a script of letters to send, letters to wait for, and perhaps its own death. The main process
//! is held where a mistake would show: until all letters of a burst lie in the pipes, until those who die are dead.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use core_process::{Signal, Status, probe};
use grader::work::{Counter, Gate, Rest, Stance, await_end_of_child, die, note, observe, stance, watch_rest};
use grader::{Draw, Event, Evidence, Findings, Scenario, Verdict};
use ipc::{Receiver, Sender};
use serde::{Deserialize, Serialize};

/// What the learner writes: starts the stations, carries their letters, and says how many each of them has got; `None` for one that
/// did not come back.
pub type Answer = fn(stations: Vec<Station>) -> Vec<Option<u64>>;

/// A letter from one station to another one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Letter {
    /// The number of the station that it is for.
    pub to: u32,
    from: u32,
    /// Of this pair's letters the how-manieth, from 0.
    number: u32,
    text: Vec<u8>,
}

/// A station: an argument of its process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Station {
    /// Its number, which is its place in the list, from 0.
    pub number: u32,
    script: Vec<Step>,
}

/// What a station does, one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Step {
    /// Sends so many letters.
    Send { to: u32, count: u32 },
    /// Waits until it has got so many from there.
    Hear { from: u32, count: u32 },
    /// Waits until that station's process is dead.
    Mourn { station: u32 },
    /// Says that its letters are on their way.
    Sent,
    /// Waits until these have closed, or died, and then looks whether the main process sleeps.
    Watch { closed: Vec<u32>, dead: Vec<u32> },
    /// Is killed.
    Die,
}

impl Station {
    fn dies(&self) -> bool {
        self.script.contains(&Step::Die)
    }
}

const PID: Counter = Counter::named("pid of station");
const SENT: Counter = Counter::named("stations whose letters are on their way");
const ALL_SENT: Gate = Gate::named("all letters of the burst are on their way");
const DIES: Gate = Gate::named("dies");
const CLOSED: Gate = Gate::named("closed");
const WATCH: &str = "watches the main process";

// ---- what a station's process does

/// A station's whole life; the number of letters that it has got. It sends by `out`, closes it when it has nothing more to send, and
/// then takes what comes by `inbox` until nothing more can.
pub fn live(station: Station, out: Sender<Letter>, inbox: Receiver<Letter>) -> u64 {
    note("lives", station.number.into());
    let me = u64::from(station.number);
    PID.number(me).fetch_add(u64::from(std::process::id()));
    let mut life = Life {
        me: station.number,
        inbox,
        got: BTreeMap::new(),
    };
    let mut sent: BTreeMap<u32, u32> = BTreeMap::new();
    for step in &station.script {
        match step {
            Step::Send { to, count } => {
                for _ in 0..*count {
                    let number = sent.entry(*to).or_default();
                    life.send(&out, *to, *number);
                    *number += 1;
                }
            }
            Step::Hear { from, count } => {
                while life.got.get(from).is_none_or(|got| got < count) {
                    if !life.take() {
                        return life.total();
                    }
                }
            }
            Step::Mourn { station } => mourn(*station),
            Step::Sent => {
                let needed = NEEDED.value();
                if SENT.fetch_add(1) + 1 == needed {
                    ALL_SENT.open();
                }
            }
            Step::Watch { closed, dead } => {
                for station in closed {
                    CLOSED.number((*station).into()).wait();
                }
                dead.iter().for_each(|station| mourn(*station));
                watch_the_main_process();
            }
            Step::Die => {
                DIES.number(me).open();
                die(Signal::KILL);
            }
        }
    }
    drop(out);
    CLOSED.number(me).open();
    while life.take() {}
    life.total()
}

/// Stations that send a burst.
const NEEDED: Counter = Counter::named("stations that send a burst");

struct Life {
    me: u32,
    inbox: Receiver<Letter>,
    got: BTreeMap<u32, u32>,
}

impl Life {
    fn send(&self, out: &Sender<Letter>, to: u32, number: u32) {
        let letter = Letter {
            to,
            from: self.me,
            number,
            text: text(self.me, number),
        };
        match out.send(&letter) {
            Ok(()) => note("sends", code(self.me, to, number)),
            Err(_) => note("cannot send", code(self.me, to, number)),
        }
    }

    /// Takes a letter; `false` when none will come any more.
    fn take(&mut self) -> bool {
        let Ok(letter) = self.inbox.recv() else {
            return false;
        };
        note("gets", code(letter.from, letter.to, letter.number));
        if letter.to != self.me {
            note("gets another's", code(letter.from, letter.to, letter.number));
        }
        if letter.text != text(letter.from, letter.number) {
            note("gets another text", code(letter.from, letter.to, letter.number));
        }
        *self.got.entry(letter.from).or_default() += 1;
        true
    }

    fn total(&self) -> u64 {
        self.got.values().map(|count| u64::from(*count)).sum()
    }
}

fn text(from: u32, number: u32) -> Vec<u8> {
    vec![from as u8; (number * 37 % 300) as usize]
}

fn code(from: u32, to: u32, number: u32) -> i64 {
    i64::from(from) * 1_000_000 + i64::from(to) * 1000 + i64::from(number)
}

/// Waits until that station's process is dead.
fn mourn(station: u32) {
    loop {
        let pid = PID.number(station.into()).value();
        if pid != 0 && stance(pid as u32) == Stance::Gone {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

const WATCHED: Gate = Gate::named("the main process is watched");
const IS_WATCHED: Counter = Counter::named("watches");

fn watch_the_main_process() {
    let Some(main) = core_process::parent() else {
        return;
    };
    IS_WATCHED.fetch_add(1);
    note(WATCH, 0);
    watch_rest(main.pid());
    WATCHED.open();
}

// ---- what the main process is held at

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
        ("wait_any", probe::Phase::End) if IS_WATCHED.value() > 0 && !WATCHED.is_open() => {
            if LOOKS.fetch_add(1, Relaxed) > 20 {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        _ => {}
    }
}

// ---- the scenarios

/// What one run is given.
#[derive(Clone, Debug)]
pub struct Input {
    stations: Vec<Station>,
    /// So many send a burst before the main process goes on.
    burst: u32,
    /// These are dead before the main process goes on.
    dead: Vec<u32>,
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

fn input(scripts: Vec<Vec<Step>>) -> Input {
    let stations = (0..)
        .zip(scripts)
        .map(|(number, script)| Station { number, script });
    Input {
        stations: stations.collect(),
        burst: 0,
        dead: Vec::new(),
    }
}

/// Any letters in any order; now and then one is waited for that was sent before.
fn draw_letters(draw: &mut Draw) -> Input {
    let count = draw.size(6);
    let mut scripts = vec![Vec::new(); count];
    let mut sent: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    let letters = if count == 0 { 0 } else { draw.size(30) };
    for _ in 0..letters {
        let last = count as u64 - 1;
        let (from, to) = (draw.number(0..=last) as u32, draw.number(0..=last) as u32);
        scripts[from as usize].push(Step::Send { to, count: 1 });
        *sent.entry((from, to)).or_default() += 1;
        if draw.one_in(3) {
            scripts[to as usize].push(Step::Hear {
                from,
                count: sent[&(from, to)],
            });
        }
    }
    input(scripts)
}

/// Each writes when it has heard from the one after it, and the first one of all writes back down the line.
fn draw_chain(draw: &mut Draw) -> Input {
    let count = draw.size_in(2..=6) as u32;
    let letters = draw.number(1..=3) as u32;
    let script = |me: u32| {
        let up = (me + 1 < count).then_some(Step::Hear {
            from: me + 1,
            count: letters,
        });
        let on = me.checked_sub(1).map(|to| Step::Send { to, count: letters });
        let down = me.checked_sub(1).map(|from| Step::Hear { from, count: letters });
        let back = (me + 1 < count).then_some(Step::Send {
            to: me + 1,
            count: letters,
        });
        up.into_iter().chain(on).chain(down).chain(back).collect()
    };
    input((0..count).map(script).collect())
}

/// All letters lie in the pipes before the main process looks at one.
fn draw_burst(draw: &mut Draw) -> Input {
    let count = draw.size_in(1..=5) as u32;
    let script = |_| {
        let to = draw.number(0..=u64::from(count) - 1) as u32;
        let letters = draw.number(2..=9) as u32;
        vec![Step::Send { to, count: letters }, Step::Sent]
    };
    let scripts = (0..count).map(script).collect();
    Input {
        burst: count,
        ..input(scripts)
    }
}

/// Some write and are dead before the main process looks; one dies when it has heard from another; the others write to the dead.
fn draw_deaths(draw: &mut Draw) -> Input {
    let living = draw.size_in(1..=3) as u32;
    let early = draw.size_in(1..=3) as u32;
    let count = living + early + 1;
    let late = count - 1;
    let mut scripts: Vec<Vec<Step>> = Vec::new();
    for me in 0..living {
        let mut script = vec![Step::Send { to: late, count: 1 }];
        // Those that are dead get letters, too, and the living get letters after them.
        let dead = living + draw.number(0..=u64::from(early)) as u32;
        script.push(Step::Mourn { station: dead });
        script.push(Step::Send { to: dead, count: 2 });
        script.push(Step::Send {
            to: (me + 1) % living,
            count: 2,
        });
        scripts.push(script);
    }
    for _ in 0..early {
        let to = draw.number(0..=u64::from(living) - 1) as u32;
        let letters = draw.number(1..=5) as u32;
        scripts.push(vec![Step::Send { to, count: letters }, Step::Die]);
    }
    scripts.push(vec![
        Step::Hear { from: 0, count: 1 },
        Step::Send { to: 0, count: 3 },
        Step::Die,
    ]);
    Input {
        dead: (living..late).collect(),
        ..input(scripts)
    }
}

/// Some close, one may die, and one looks whether the main process sleeps, since there is nothing to do for it.
fn draw_silence(draw: &mut Draw) -> Input {
    let closed = draw.size_in(1..=3) as u32;
    let dead = draw.size_in(0..=1) as u32;
    let watcher = closed + dead;
    let mut scripts: Vec<Vec<Step>> = Vec::new();
    for _ in 0..closed {
        scripts.push(vec![Step::Send {
            to: watcher,
            count: 1,
        }]);
    }
    for _ in 0..dead {
        scripts.push(vec![
            Step::Send {
                to: watcher,
                count: 1,
            },
            Step::Die,
        ]);
    }
    let mut script: Vec<Step> = (0..watcher).map(|from| Step::Hear { from, count: 1 }).collect();
    script.push(Step::Watch {
        closed: (0..closed).collect(),
        dead: (closed..watcher).collect(),
    });
    script.push(Step::Send { to: 0, count: 1 });
    scripts.push(script);
    input(scripts)
}

// ---- the judges

type Seen = Evidence<Vec<Option<u64>>>;

fn pid_of(seen: &Seen, station: u32) -> i32 {
    let mut lives = seen.journal.named("lives");
    let life = lives.find(|event| event.value == i64::from(station));
    life.map_or(0, |event| event.pid)
}

fn parts(code: i64) -> (u32, u32, u32) {
    (
        (code / 1_000_000) as u32,
        (code / 1000 % 1000) as u32,
        (code % 1000) as u32,
    )
}

fn who(seen: &Seen, station: u32) -> String {
    format!("station {station} (pid {})", pid_of(seen, station))
}

/// Everything that happened to the letters of a pair, in order.
fn story(seen: &Seen, from: u32, to: u32) -> Vec<String> {
    const MOST: usize = 16;
    let mut lines: Vec<String> = Vec::new();
    for event in seen.journal.events() {
        let (sender, receiver, number) = parts(event.value);
        if (sender, receiver) != (from, to) {
            continue;
        }
        let does = match event.name.as_str() {
            "sends" => "sends",
            "cannot send" => "cannot send",
            "gets" => "gets",
            _ => continue,
        };
        lines.push(format!(
            "pid {} {does} letter {} from station {from} to station {to}",
            event.pid,
            number + 1
        ));
    }
    lines.truncate(MOST);
    // Who was killed may be the reason, also when it is neither of them.
    let killed = seen
        .journal
        .named("lives")
        .map(|event| event.value as u32)
        .filter(|station| {
            let process = seen.process(pid_of(seen, *station));
            matches!(
                process.and_then(|process| process.status),
                Some(Status::Signaled(_))
            )
        });
    let mut stations: Vec<u32> = killed.chain([from, to]).collect();
    stations.sort_unstable();
    stations.dedup();
    for station in stations {
        let status = seen
            .process(pid_of(seen, station))
            .and_then(|process| process.status);
        if let Some(status) = status {
            lines.push(format!("{}: {status}", who(seen, station)));
        }
    }
    lines
}

fn judge(input: &Input, seen: &Seen, found: &mut Findings) {
    let here = seen
        .journal
        .named("lives")
        .find(|event| event.pid == seen.main_pid);
    found
        .check("process", Verdict::NotAProcess, here.is_none(), || {
            format!(
                "station {} lived in the main process (pid {}), and not in one of its own",
                here.map_or(0, |event| event.value),
                seen.main_pid
            )
        })
        .show_lines(|| {
            let line = |event: &Event| format!("station {} lived in pid {}", event.value, event.pid);
            seen.journal.named("lives").map(line).collect()
        });
    judge_order(seen, found);
    judge_delivery(input, seen, found);
    judge_report(input, seen, found);
}

fn judge_order(seen: &Seen, found: &mut Findings) {
    let mut last: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    let mut wrong = None;
    for event in seen.journal.named("gets") {
        let (from, to, number) = parts(event.value);
        if let Some(before) = last.insert((from, to), number)
            && before > number
            && wrong.is_none()
        {
            wrong = Some((event, before));
        }
    }
    found
        .check("order", Verdict::Race, wrong.is_none(), || {
            let (event, before) = wrong.expect("it is not none");
            let (from, to, number) = parts(event.value);
            format!(
                "{} got letter {} of {} after letter {}: they overtook each other on their way",
                who(seen, to),
                number + 1,
                who(seen, from),
                before + 1
            )
        })
        .show_lines(|| {
            let (event, _) = wrong.expect("it is not none");
            let (from, to, _) = parts(event.value);
            story(seen, from, to)
        });
}

fn judge_delivery(input: &Input, seen: &Seen, found: &mut Findings) {
    let stray = seen
        .journal
        .events()
        .iter()
        .find(|event| event.name == "gets another's");
    found.check("delivered", Verdict::Wrong, stray.is_none(), || {
        let (pid, value) = stray.map_or((0, 0), |event| (event.pid, event.value));
        let (from, to, number) = parts(value);
        format!(
            "pid {pid} got letter {} of station {from}, which is for station {to}",
            number + 1
        )
    });
    let mut count: BTreeMap<i64, i32> = BTreeMap::new();
    for event in seen.journal.named("sends") {
        *count.entry(event.value).or_default() += 1;
    }
    for event in seen.journal.named("gets") {
        *count.entry(event.value).or_default() -= 1;
    }
    let dies = |station: u32| {
        let station = input.stations.get(station as usize);
        station.is_some_and(Station::dies)
    };
    let lost: Vec<i64> = count
        .iter()
        .filter(|(code, left)| **left > 0 && !dies(parts(**code).1))
        .map(|(code, _)| *code)
        .collect();
    found
        .check("delivered", Verdict::Wrong, lost.is_empty(), || {
            let (from, to, _) = parts(lost[0]);
            let fate = if dies(from) {
                ", which had sent them before it was killed,"
            } else {
                ""
            };
            let of_pair = lost
                .iter()
                .filter(|code| (parts(**code).0, parts(**code).1) == (from, to));
            format!(
                "{} letters were never delivered: {} of {}{fate} to {}",
                lost.len(),
                of_pair.count(),
                who(seen, from),
                who(seen, to)
            )
        })
        .show_lines(|| {
            let (from, to, _) = parts(lost[0]);
            story(seen, from, to)
        });
    let refused: Option<&Event> = seen.journal.named("cannot send").next();
    found
        .check("delivered", Verdict::Wrong, refused.is_none(), || {
            let (from, to, number) = refused.map_or((0, 0, 0), |event| parts(event.value));
            format!(
                "{} could not send its letter {} to station {to}: nobody took letters from it any more",
                who(seen, from),
                number + 1
            )
        })
        .show_lines(|| {
            let (from, to, _) = refused.map_or((0, 0, 0), |event| parts(event.value));
            story(seen, from, to)
        });
    let twice = count
        .iter()
        .find(|(_, left)| **left < 0)
        .map(|(code, _)| parts(*code));
    found
        .check("delivered", Verdict::Wrong, twice.is_none(), || {
            let (from, to, number) = twice.unwrap_or((0, 0, 0));
            format!(
                "letter {} of {} to {} was delivered twice",
                number + 1,
                who(seen, from),
                who(seen, to)
            )
        })
        .show_lines(|| twice.map_or_else(Vec::new, |(from, to, _)| story(seen, from, to)));
}

fn judge_report(input: &Input, seen: &Seen, found: &mut Findings) {
    let Some(said) = &seen.value else { return };
    let got = |station: &Station| {
        let pid = pid_of(seen, station.number);
        let got = seen
            .journal
            .named("gets")
            .filter(|event| event.pid == pid)
            .count();
        (!station.dies()).then_some(got as u64)
    };
    let right: Vec<Option<u64>> = input.stations.iter().map(got).collect();
    found
        .check("report", Verdict::Wrong, *said == right, || {
            format!(
                "the stations got {} letters; the answer says {}",
                list(&right),
                list(said)
            )
        })
        .show_lines(|| {
            let line = |station: &Station| {
                let status = seen
                    .process(pid_of(seen, station.number))
                    .and_then(|process| process.status);
                let how = status.map_or("was not seen to end".to_owned(), |status| status.to_string());
                format!("{}: {how}", who(seen, station.number))
            };
            input.stations.iter().map(line).collect()
        });
}

fn list(counts: &[Option<u64>]) -> String {
    let text: Vec<String> = counts
        .iter()
        .map(|count| count.map_or("none".to_owned(), |count| count.to_string()))
        .collect();
    format!("[{}]", text.join(", "))
}

fn judge_silence(input: &Input, seen: &Seen, found: &mut Findings) {
    let rest = seen.rest(seen.main_pid);
    let watch = seen
        .journal
        .named(WATCH)
        .next()
        .map_or(u64::MAX, |event| event.seq);
    let end = seen
        .journal
        .events()
        .iter()
        .find(|event| event.name == "rest")
        .map_or(u64::MAX, |event| event.seq);
    let looks: Vec<&Event> = seen
        .journal
        .by_pid(seen.main_pid)
        .filter(|event| event.name == "wait_any" && event.phase == grader::Phase::Begin)
        .filter(|event| (watch..end).contains(&event.seq))
        .collect();
    match rest {
        Some(Rest::Asleep) | Some(Rest::Awake(_)) => {
            found
                .check("sleeps", Verdict::Limit, rest == Some(Rest::Asleep), || {
                    let how = match looks.len() {
                        // A wait with a deadline is not told of.
                        0 | 1 => {
                            let steps = if let Some(Rest::Awake(steps)) = rest { steps } else { 0 };
                            format!("was found awake {steps} times")
                        }
                        looks => format!("called `wait_any` {looks} times"),
                    };
                    format!(
                        "pid {} (main) {how} while no letter came: {} of the {} stations had closed or died, and the last one was silent",
                        seen.main_pid,
                        input.stations.len() - 1,
                        input.stations.len()
                    )
                })
                .show_lines(|| ends(input, seen))
                .at(looks.first().and_then(|event| event.location.as_ref()));
        }
        _ => found.skip("sleeps", "this machine was too busy to show it"),
    }
    judge(input, seen, found);
}

/// Who had closed and who had died when the main process was watched.
fn ends(input: &Input, seen: &Seen) -> Vec<String> {
    let line = |station: &Station| {
        let does = if station.dies() {
            "was killed: its end is ready to be read, for ever"
        } else if station.number as usize + 1 == input.stations.len() {
            "is there, and sends nothing"
        } else {
            "has closed: its end is ready to be read, for ever"
        };
        format!("{} {does}", who(seen, station.number))
    };
    input.stations.iter().map(line).collect()
}
