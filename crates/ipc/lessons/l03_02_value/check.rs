//! Checks of lesson 3.2: workers make steps of one shared score, whoever else does, looks, or is killed.
//!
//! The grader's `rule` is what a step does with the score: it tells what was read and what was made of it, and holds a worker between
//! its read and its write. So the order of the calls is the serial order that the score must have gone through.

use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use core_process::{Child, Process, Signal};
use grader::work::{Gate, Rendezvous, die, note};
use grader::{Draw, Event, Evidence, Findings, Scenario, Verdict};
use ipc::Value;
use serde::{Deserialize, Serialize};
use sync::TryLockError;

/// Something to do before a step can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job(u8);

/// What is done with the score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// One more.
    Add,
    /// Twice as much, if it is below the limit.
    Double,
}

/// Finds out which step a job is. It takes long, and does not need the score.
#[track_caller]
pub fn prepare(job: Job) -> Step {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    note("prepares", i64::from(job.0));
    if let Part::PreparesWithOthers { workers } = part()
        && CALLS.fetch_add(1, Relaxed) == 0
    {
        PREPARING.meet(workers);
    }
    step_of(job)
}

fn step_of(job: Job) -> Step {
    match job.0 {
        0 => Step::Double,
        _ => Step::Add,
    }
}

/// What a step makes of a score.
#[track_caller]
pub fn rule(step: Step, score: u64, limit: u64) -> u64 {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let call = CALLS.fetch_add(1, Relaxed) + 1;
    note("reads", score as i64);
    match part() {
        Part::StepsWithOthers { workers } if call == 1 => {
            STEPPING.meet(workers);
        }
        Part::IsLookedAt if call == 2 => {
            LOOK.open();
            LOOKED.wait();
        }
        Part::DiesAt { call: last } if call == last => {
            note("dies", score as i64);
            die(Signal::KILL);
        }
        _ => {}
    }
    let made = made_of(step, score, limit);
    note("makes", made as i64);
    made
}

fn made_of(step: Step, score: u64, limit: u64) -> u64 {
    match step {
        Step::Add => score + 1,
        Step::Double if score < limit => score * 2,
        Step::Double => score,
    }
}

/// What a worker is held at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Part {
    /// Nothing.
    Free,
    /// Has read the score for its first step: until all have.
    StepsWithOthers { workers: u32 },
    /// Has read the score for its second step: until somebody has looked at it.
    IsLookedAt,
    /// Prepares its first job: until all do.
    PreparesWithOthers { workers: u32 },
    /// Is killed at this step, when it has read the score.
    DiesAt { call: u64 },
}

static PART: OnceLock<Part> = OnceLock::new();

fn part() -> Part {
    PART.get().copied().unwrap_or(Part::Free)
}

const STEPPING: Rendezvous = Rendezvous::named("all make a step");
const PREPARING: Rendezvous = Rendezvous::named("all prepare");
const LOOK: Gate = Gate::named("one step is made");
const LOOKED: Gate = Gate::named("somebody has looked");

// ---- the scenarios

/// What one run is given.
#[derive(Clone, Debug)]
pub struct Input {
    start: u64,
    limit: u64,
    workers: Vec<(Part, Vec<Job>)>,
    order: Order,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Together,
    /// Somebody looks at the score meanwhile.
    TogetherWithALook,
    /// Each begins when the one before has ended.
    OneByOne,
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    score: u64,
    pids: Vec<u32>,
    /// What who looked saw.
    seen: Option<u64>,
    /// Whether the lock still tells that somebody died.
    is_told: bool,
}

/// The situations that an answer is put into.
pub fn scenarios<A>(play: A) -> Vec<Scenario>
where
    A: Fn(&Value<u64>, Vec<Job>, u64) + Copy + Send + 'static,
{
    let act = move |input: Input| run(&input, play);
    vec![
        Scenario::new("one worker", draw_one, act, judge_one),
        Scenario::new("a look between two steps", draw_look, act, judge_look),
        Scenario::new("steps at the same moment", draw_together, act, judge),
        Scenario::new("preparations", draw_preparing, act, judge_preparing),
        Scenario::new("a worker is killed", draw_death, act, judge_death),
        Scenario::new("every day", draw_every_day, act, judge).shake(),
    ]
}

fn run<A>(input: &Input, play: A) -> Outcome
where
    A: Fn(&Value<u64>, Vec<Job>, u64) + Copy + Send + 'static,
{
    let score = Value::new(input.start).expect("a descriptor is free");
    let work = move |score: Value<u64>, part: Part, jobs: Vec<Job>, limit: u64| {
        let _ = PART.set(part);
        play(&score, jobs, limit);
    };
    let look = |score: Value<u64>| -> u64 {
        LOOK.wait();
        let seen = *score.lock().unwrap_or_else(|died| died.into_guard());
        LOOKED.open();
        seen
    };
    let looker = (input.order == Order::TogetherWithALook).then(|| {
        let recipe = Process::new(look, score.clone()).name("looker");
        recipe.start().expect("a process can be started")
    });
    let mut workers: Vec<Child<()>> = Vec::new();
    for (part, jobs) in &input.workers {
        let recipe = Process::new(work, (score.clone(), *part, jobs.clone(), input.limit));
        let worker = recipe.name("worker").start().expect("a process can be started");
        if input.order == Order::OneByOne {
            worker.wait().expect("it is our child");
        }
        workers.push(worker);
    }
    for worker in &workers {
        worker.wait().expect("it is our child");
    }
    let seen = looker.and_then(|looker| looker.join().ok());
    let (score, is_told) = match score.try_lock() {
        Ok(score) => (*score, false),
        Err(TryLockError::OwnerDied(died)) => (**died.guard(), true),
        Err(TryLockError::WouldBlock) => panic!("a worker has ended and still has the lock"),
    };
    Outcome {
        score,
        pids: workers.iter().map(|worker| worker.pid()).collect(),
        seen,
        is_told,
    }
}

fn jobs(draw: &mut Draw, count: usize) -> Vec<Job> {
    draw.list(count, |draw| Job(draw.number(0..=2) as u8))
}

/// Jobs of which each changes the score: doubling changes 0 and what is above the limit not at all.
fn changing(draw: &mut Draw, count: usize) -> Vec<Job> {
    draw.list(count, |draw| Job(draw.number(1..=2) as u8))
}

fn draw_one(draw: &mut Draw) -> Input {
    let count = draw.size_in(1..=40);
    let mut all = jobs(draw, count);
    // So that a score that stays as it was is never right by chance.
    all[0] = Job(1);
    Input {
        start: draw.number(0..=5),
        limit: draw.number(1..=1000),
        workers: vec![(Part::Free, all)],
        order: Order::OneByOne,
    }
}

fn draw_look(draw: &mut Draw) -> Input {
    let count = draw.size_in(2..=9);
    let mut all = changing(draw, 1);
    all.extend(jobs(draw, count - 1));
    Input {
        start: draw.number(1..=9),
        limit: 100_000,
        workers: vec![(Part::IsLookedAt, all)],
        order: Order::TogetherWithALook,
    }
}

fn draw_together(draw: &mut Draw) -> Input {
    let workers = draw.size_in(2..=4);
    let part = Part::StepsWithOthers {
        workers: workers as u32,
    };
    let count = draw.size_in(1..=5);
    Input {
        start: draw.number(1..=9),
        limit: 100_000,
        workers: (0..workers).map(|_| (part, changing(draw, count))).collect(),
        order: Order::Together,
    }
}

fn draw_preparing(draw: &mut Draw) -> Input {
    let workers = draw.size_in(2..=3);
    let part = Part::PreparesWithOthers {
        workers: workers as u32,
    };
    let count = draw.size_in(1..=3);
    Input {
        start: 1,
        limit: 1000,
        workers: (0..workers).map(|_| (part, jobs(draw, count))).collect(),
        order: Order::Together,
    }
}

fn draw_death(draw: &mut Draw) -> Input {
    let count = draw.size_in(1..=4);
    let call = draw.number(1..=count as u64);
    let mut workers = vec![(Part::DiesAt { call }, changing(draw, count))];
    for _ in 0..draw.size_in(1..=2) {
        workers.push((Part::Free, changing(draw, 2)));
    }
    Input {
        start: draw.number(1..=9),
        limit: 1000,
        workers,
        order: Order::OneByOne,
    }
}

fn draw_every_day(draw: &mut Draw) -> Input {
    let workers = draw.size_in(2..=4);
    let count = draw.size(30);
    Input {
        start: draw.number(0..=9),
        limit: draw.number(1..=2000),
        workers: (0..workers).map(|_| (Part::Free, jobs(draw, count))).collect(),
        order: Order::Together,
    }
}

// ---- the judges

/// A call of `rule`: who, what it read, what it made of it; nothing if it died.
struct Call<'a> {
    read: &'a Event,
    made: Option<&'a Event>,
}

/// The calls in the order in which the score was read.
fn calls(seen: &Evidence<Outcome>) -> Vec<Call<'_>> {
    let made = |read: &Event| {
        let mut later = seen.journal.named("makes").filter(|made| made.seq > read.seq);
        let next = seen
            .journal
            .named("reads")
            .find(|next| next.seq > read.seq && next.pid == read.pid);
        later.find(|made| made.pid == read.pid && next.is_none_or(|next| made.seq < next.seq))
    };
    let reads = seen.journal.named("reads");
    reads
        .map(|read| Call {
            read,
            made: made(read),
        })
        .collect()
}

fn shown(calls: &[Call<'_>]) -> Vec<String> {
    let line = |call: &Call<'_>| match call.made {
        Some(made) => format!(
            "pid {} read {} and made {}",
            call.read.pid, call.read.value, made.value
        ),
        None => format!("pid {} read {} and was killed", call.read.pid, call.read.value),
    };
    let shown = calls.iter().take(12).map(line);
    let rest = calls.len().saturating_sub(12);
    shown
        .chain((rest > 0).then(|| format!("and {rest} more")))
        .collect()
}

/// The first call that did not begin with what the one before had left.
fn broken<'a, 'b>(input: &Input, calls: &'b [Call<'a>]) -> Option<(&'b Call<'a>, i64)> {
    let mut left = input.start as i64;
    for call in calls {
        if call.read.value != left {
            return Some((call, left));
        }
        left = call.made.map_or(left, |made| made.value);
    }
    None
}

fn judge_one(input: &Input, seen: &Evidence<Outcome>, found: &mut Findings) {
    let Some(outcome) = &seen.value else { return };
    let all: usize = input.workers.iter().map(|(_, jobs)| jobs.len()).sum();
    let calls = calls(seen);
    let steps = input.workers.iter().flat_map(|(_, jobs)| jobs);
    let expected = steps.fold(input.start, |score, job| {
        made_of(step_of(*job), score, input.limit)
    });
    found
        .check("steps", Verdict::Wrong, calls.len() == all, || {
            format!("{all} jobs, and {} steps by `rule`", calls.len())
        })
        .show_lines(|| shown(&calls));
    found
        .check("steps", Verdict::Wrong, outcome.score == expected, || {
            format!(
                "the score is {} in the end, and should be {expected}: {all} jobs began with {}, and the limit is {}",
                outcome.score, input.start, input.limit
            )
        })
        .show_lines(|| shown(&calls));
}

fn judge_look(input: &Input, seen: &Evidence<Outcome>, found: &mut Findings) {
    let Some(outcome) = &seen.value else { return };
    let calls = calls(seen);
    if let (Some(looked), Some(first)) = (outcome.seen, calls.first()) {
        let is_made = calls
            .iter()
            .any(|call| call.made.is_some_and(|made| made.value == looked as i64));
        found
            .check("seen", Verdict::Race, is_made, || {
                let made = first.made.map_or(0, |made| made.value);
                format!(
                    "another process saw {looked} when the worker, pid {}, had made {made} and was at its second step",
                    first.read.pid
                )
            })
            .show_lines(|| shown(&calls))
            .at(first.read.location.as_ref());
    }
    judge(input, seen, found);
}

fn judge(input: &Input, seen: &Evidence<Outcome>, found: &mut Findings) {
    judge_lost("lost", input, seen, found);
}

fn judge_lost(id: &str, input: &Input, seen: &Evidence<Outcome>, found: &mut Findings) {
    let Some(outcome) = &seen.value else { return };
    let calls = calls(seen);
    let broken = broken(input, &calls);
    let place = broken.and_then(|(call, _)| call.read.location.as_ref());
    found
        .check(id, Verdict::LostUpdate, broken.is_none(), || {
            let Some((call, left)) = broken else {
                return String::new();
            };
            format!(
                "pid {} made its step of {}, and the step before had left {left}; the score is {} in the end",
                call.read.pid, call.read.value, outcome.score
            )
        })
        .show_lines(|| shown(&calls))
        .at(place);
    let left = calls.iter().rev().find_map(|call| call.made);
    let expected = left.map_or(input.start as i64, |made| made.value);
    let last = left.and_then(|made| made.location.as_ref());
    found
        .check(id, Verdict::LostUpdate, outcome.score as i64 == expected, || {
            format!(
                "the last step made {expected}, and the score is {} in the end",
                outcome.score
            )
        })
        .show_lines(|| shown(&calls))
        .at(last);
}

fn judge_preparing(input: &Input, seen: &Evidence<Outcome>, found: &mut Findings) {
    let meetings = seen.meetings("all prepare");
    let place = seen
        .journal
        .named("prepares")
        .next()
        .and_then(|event| event.location.clone());
    found
        .overlap("apart", meetings, || {
            format!(
                "of {} workers that could prepare their first job at the same time, {} waited in vain for the others",
                input.workers.len(),
                meetings.missed
            )
        })
        .at(place.as_ref());
    judge(input, seen, found);
}

fn judge_death(input: &Input, seen: &Evidence<Outcome>, found: &mut Findings) {
    let Some(outcome) = &seen.value else { return };
    let calls = calls(seen);
    let all: usize = input.workers[1..].iter().map(|(_, jobs)| jobs.len()).sum();
    let died = calls.iter().position(|call| call.made.is_none());
    let after = died.map_or(0, |died| calls.len() - died - 1);
    found
        .check("heir", Verdict::Wrong, after == all, || {
            format!(
                "pid {} was killed inside, and of the {all} steps of the others {after} were made",
                outcome.pids[0]
            )
        })
        .show_lines(|| shown(&calls));
    judge_lost("heir", input, seen, found);
    found.check("news", Verdict::Wrong, !outcome.is_told, || {
        format!(
            "pid {} was killed with the lock; the others have made their steps, and whoever locks the score is still told of it",
            outcome.pids[0]
        )
    });
}
