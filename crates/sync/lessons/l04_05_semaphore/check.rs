//! Checks of lesson 4.5: clients in processes of their own share a few connections.
//!
//! The grader's tasks hold a client where a mistake would show: before its connection, in it, and after it.

use std::collections::BTreeSet;
use std::time::Duration;

use core_process::{Signal, Status};
use grader::work::{Counter, Gate, Gauge, Rendezvous, Stance, die, note, stance};
use grader::{Draw, Event, Evidence, Findings, Scenario, Verdict};
use serde::{Deserialize, Serialize};

/// What the learner writes: serves the clients, each in a process of its own, with never more than `limit` connections at a time.
pub type Answer = fn(clients: Vec<Client>, limit: u32) -> Served;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Served {
    /// For each client.
    pub outcomes: Vec<Outcome>,
    /// Permits that are free when all clients have ended.
    pub free: u32,
}

/// What came of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// What `digest` made of the row.
    Digested(u64),
    /// Its query failed.
    Failed,
    /// Its process did not return.
    Died,
}

/// A query that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed;

/// A client: an argument of its process, and of what it does there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Client {
    /// Its number, from 0.
    pub number: u32,
    fate: Fate,
    part: Part,
    clients: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Fate {
    Answered,
    Fails,
    Dies,
}

/// Where a client is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Part {
    /// Nowhere.
    Free,
    /// Before its connection: until all clients are there.
    PreparesWithAll,
    /// In its connection: until so many are in theirs.
    Crowds(u32),
    /// The same, but it begins when these clients' processes have ended.
    CrowdsAfter(Vec<u32>, u32),
    /// In its connection: until so many are in theirs, as many as may be.
    Fills(u32),
    /// After its connection: until all clients have had theirs.
    DigestsLast,
}

const CONNECTIONS: Gauge = Gauge::named("connections");
const PREPARED: Rendezvous = Rendezvous::named("all prepare");
const CROWD: Rendezvous = Rendezvous::named("crowd");
const FULL: Rendezvous = Rendezvous::named("all connections in use");
const CONNECTED: Gate = Gate::named("connection of client");
const PID: Counter = Counter::named("pid of client");

/// What a client does before it needs a connection.
pub fn prepare(client: &Client) {
    note("prepare", client.number.into());
    match &client.part {
        Part::PreparesWithAll => {
            PREPARED.meet(client.clients);
        }
        Part::CrowdsAfter(first, _) => first.iter().for_each(|number| await_end(*number)),
        _ => {}
    }
}

/// What a client needs a connection for.
///
/// # Errors
/// [`Failed`]: there is no such row.
pub fn query(client: &Client) -> Result<u64, Failed> {
    let inside = CONNECTIONS.enter();
    note("query", client.number.into());
    PID.number(client.number.into())
        .fetch_add(std::process::id().into());
    CONNECTED.number(client.number.into()).open();
    match client.part {
        Part::Crowds(parties) | Part::CrowdsAfter(_, parties) => {
            CROWD.meet(parties);
        }
        Part::Fills(parties) => {
            FULL.meet(parties);
        }
        _ => {}
    }
    match client.fate {
        Fate::Answered => Ok(row(client)),
        Fate::Fails => Err(Failed),
        Fate::Dies => {
            // The process takes it along.
            std::mem::forget(inside);
            die(Signal::KILL)
        }
    }
}

/// What a client does with its row, without a connection.
pub fn digest(client: &Client, row: u64) -> u64 {
    note("digest", client.number.into());
    if client.part == Part::DigestsLast {
        // One after the other; whoever finds that nobody comes any more goes on.
        let _ = (0..client.clients).all(|number| CONNECTED.number(number.into()).wait());
    }
    row * 2 + 1
}

fn row(client: &Client) -> u64 {
    u64::from(client.number) * 100 + 7
}

/// Waits until the process in which this client had its connection is gone, or nobody can know any more.
fn await_end(number: u32) {
    if !CONNECTED.number(number.into()).wait() {
        return;
    }
    let pid = PID.number(number.into()).value() as u32;
    let mut looks = 0;
    while stance(pid) != Stance::Gone && looks < 2000 {
        std::thread::sleep(Duration::from_millis(2));
        looks += 1;
    }
}

/// What one run is given.
#[derive(Clone, Debug)]
pub struct Input {
    clients: Vec<Client>,
    limit: u32,
}

/// The situations that an answer is put into.
pub fn scenarios(serve: Answer) -> Vec<Scenario> {
    let act = move |input: Input| serve(input.clients, input.limit);
    vec![
        Scenario::new("a crowd", draw_crowd, act, judge),
        Scenario::new("a crowd behind others", draw_crowd_behind, act, judge),
        Scenario::new("all prepare together", draw_prepare, act, judge),
        Scenario::new("all connections in use", draw_full, act, judge),
        Scenario::new("a long digest", draw_digest, act, judge),
        Scenario::new("queries that fail", draw_failures, act, judge),
        Scenario::new("clients that die", draw_deaths, act, judge),
        Scenario::new("clients of all kinds", draw_all_kinds, act, judge),
    ]
}

fn input(draw: &mut Draw, limit: usize, mut fates: Vec<Fate>, part: impl Fn(u32) -> Part) -> Input {
    draw.shuffle(&mut fates);
    let count = fates.len() as u32;
    let clients = (0..).zip(fates).map(|(number, fate)| Client {
        number,
        fate,
        part: part(number),
        clients: count,
    });
    Input {
        clients: clients.collect(),
        limit: limit as u32,
    }
}

fn draw_all_kinds(draw: &mut Draw) -> Input {
    let limit = draw.size_in(1..=4);
    let count = draw.size(8);
    let fates = draw.list(count, |draw| {
        *draw.pick(&[Fate::Answered, Fate::Answered, Fate::Fails, Fate::Dies])
    });
    input(draw, limit, fates, |_| Part::Free)
}

/// Each stays until one more than allowed is connected: where the limit is not kept they all meet, certainly.
fn draw_crowd(draw: &mut Draw) -> Input {
    let limit = draw.size_in(1..=4);
    let count = draw.size_in(limit + 1..=7);
    let fates = vec![Fate::Answered; count];
    input(draw, limit, fates, |_| Part::Crowds(limit as u32 + 1))
}

/// The same, when others have come and gone before.
fn draw_crowd_behind(draw: &mut Draw) -> Input {
    let limit = draw.size_in(1..=3);
    let count = draw.size_in(limit + 1..=4);
    let first: Vec<u32> = (0..limit as u32).collect();
    let fates = vec![Fate::Answered; limit + count];
    input(draw, limit, fates, |number| {
        if number < limit as u32 {
            Part::Free
        } else {
            Part::CrowdsAfter(first.clone(), limit as u32 + 1)
        }
    })
}

fn draw_prepare(draw: &mut Draw) -> Input {
    let limit = draw.size_in(1..=3);
    let count = draw.size_in(limit + 1..=6);
    let fates = vec![Fate::Answered; count];
    input(draw, limit, fates, |_| Part::PreparesWithAll)
}

/// As many as allowed meet in their connections, again and again.
fn draw_full(draw: &mut Draw) -> Input {
    let limit = draw.size_in(2..=4);
    let rounds = draw.number(1..=2) as usize;
    let fates = vec![Fate::Answered; limit * rounds];
    input(draw, limit, fates, |_| Part::Fills(limit as u32))
}

fn draw_digest(draw: &mut Draw) -> Input {
    let limit = draw.size_in(1..=3);
    let count = draw.size_in(limit + 1..=6);
    let fates = vec![Fate::Answered; count];
    input(draw, limit, fates, |_| Part::DigestsLast)
}

/// More than the limit: where each takes a permit along, the last one of them has none.
fn bad(draw: &mut Draw, fate: Fate) -> Input {
    let limit = draw.size_in(1..=3);
    let good = draw.size(3);
    let fates = [vec![fate; limit + 1], vec![Fate::Answered; good]].concat();
    input(draw, limit, fates, |_| Part::Free)
}

fn draw_failures(draw: &mut Draw) -> Input {
    bad(draw, Fate::Fails)
}

fn draw_deaths(draw: &mut Draw) -> Input {
    bad(draw, Fate::Dies)
}

fn expected(client: &Client) -> Outcome {
    match client.fate {
        Fate::Answered => Outcome::Digested(row(client) * 2 + 1),
        Fate::Fails => Outcome::Failed,
        Fate::Dies => Outcome::Died,
    }
}

fn judge(input: &Input, seen: &Evidence<Served>, found: &mut Findings) {
    let (count, limit) = (input.clients.len(), input.limit as usize);
    let gauge = seen.gauge("connections");
    let inside = || {
        seen.journal
            .about("connections")
            .filter(|event| event.seq <= gauge.peak_seq)
    };
    found
        .check("limit", Verdict::Limit, gauge.peak <= limit, || {
            format!(
                "{} clients had a connection at the same time (pids {:?}); allowed: {limit}",
                gauge.peak, gauge.at_peak
            )
        })
        .show(inside());

    let queries: Vec<&Event> = seen.journal.named("query").collect();
    let pids: BTreeSet<i32> = queries.iter().map(|event| event.pid).collect();
    let alone = pids.len() == queries.len() && !pids.contains(&seen.main_pid);
    found
        .check("processes", Verdict::NotAProcess, alone, || {
            format!(
                "{} clients had their connections in {} processes; the main process is pid {}",
                queries.len(),
                pids.len(),
                seen.main_pid
            )
        })
        .show(queries.iter().copied());

    found
        .overlap("around", seen.meetings("all prepare"), || {
            format!(
                "{count} clients have something to prepare, for which they need no connection, and did not do it at the same time"
            )
        })
        .show_lines(|| steps(seen));
    let kept = seen.gate("connection of client");
    if input
        .clients
        .iter()
        .any(|client| client.part == Part::DigestsLast)
    {
        found
            .overlap("around", kept, || {
                format!(
                    "{limit} of {count} clients had a permit and digested their rows, for which they need no connection; the others waited for one \
                     all the same"
                )
            })
            .show_lines(|| steps(seen));
    }

    let full = seen.meetings("all connections in use");
    match full.all_met() {
        Some(met) => {
            found
                .check("full", Verdict::Oversync, met, || {
                    format!(
                        "{count} clients wanted a connection, {limit} at a time may have one, and {} had one at the most",
                        gauge.peak
                    )
                })
                .show_lines(|| steps(seen));
        }
        None => found.skip("full", "this machine was too busy to show it"),
    }

    let Some(served) = &seen.value else { return };
    let right: Vec<Outcome> = input.clients.iter().map(expected).collect();
    let wrong = (0..count).find(|at| served.outcomes.get(*at) != Some(&right[*at]));
    found
        .check(
            "outcomes",
            Verdict::Wrong,
            wrong.is_none() && served.outcomes.len() == count,
            || match wrong {
                Some(at) => format!(
                    "client {at} should be {:?}; the answer says {}",
                    right[at],
                    served
                        .outcomes
                        .get(at)
                        .map_or("nothing".to_owned(), |said| format!("{said:?}"))
                ),
                None => format!(
                    "there were {count} clients and {} outcomes",
                    served.outcomes.len()
                ),
            },
        )
        .show_lines(|| ends(input, seen));
    // More than in the beginning: the next ones would find a higher limit.
    let verdict = if served.free > input.limit {
        Verdict::Limit
    } else {
        Verdict::Wrong
    };
    found
        .check("free", verdict, served.free == input.limit, || {
            format!(
                "when all clients had ended, {} permits were free; there should be {limit}",
                served.free
            )
        })
        .show_lines(|| ends(input, seen));
}

/// What the clients did, in order.
fn steps(seen: &Evidence<Served>) -> Vec<String> {
    const MOST: usize = 20;
    let events = seen.journal.events().iter();
    let steps = events.filter(|event| ["prepare", "query", "digest"].contains(&event.name.as_str()));
    let line = |event: &Event| {
        let does = match event.name.as_str() {
            "prepare" => "prepares",
            "query" => "has a connection",
            _ => "digests its row",
        };
        format!("pid {} (client {}) {does}", event.pid, event.value)
    };
    steps.take(MOST).map(line).collect()
}

/// How each client's process ended, by the kernel's record.
fn ends(input: &Input, seen: &Evidence<Served>) -> Vec<String> {
    let line = |client: &Client| {
        let number = i64::from(client.number);
        let Some(event) = seen.journal.named("query").find(|event| event.value == number) else {
            return format!("client {number} had no connection");
        };
        let status = seen.process(event.pid).and_then(|process| process.status);
        let fails = if client.fate == Fate::Fails {
            ", its query failed"
        } else {
            ""
        };
        format!(
            "pid {} (client {number}) had a connection{fails}; it {}",
            event.pid,
            status.unwrap_or(Status::Unknown)
        )
    };
    input.clients.iter().map(line).collect()
}
