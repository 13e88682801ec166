//! Checks of lesson 2.10: all are started before any is waited for, and one deadline holds for the whole wait.
//!
//! No clock decides. How long an answer was ready to wait is in the journal: each wait says when it begins how much time it has.

use std::time::Duration;

use core_process::{Child, Status};
use grader::work::{Gate, Rendezvous, note};
use grader::{Draw, Event, Evidence, Findings, Phase, Scenario, Verdict};
use serde::{Deserialize, Serialize};

/// What the learner writes: starts a child for each job, and waits for all of them no longer than `total`.
pub type Answer = fn(jobs: Vec<Job>, total: Duration) -> Joined;

/// What became of the jobs; places are positions in the list of jobs.
pub struct Joined {
    /// The place and the value of each job whose child has ended.
    pub finished: Vec<(usize, u64)>,
    /// The place and the child of each job that still ran when the time was over.
    pub running: Vec<(usize, Child<u64>)>,
}

/// One job: an argument for [`work`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// What the work returns.
    pub value: u64,
    /// How long it takes.
    pub length: Length,
}

/// How long a job takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Length {
    /// It returns at once.
    Short,
    /// It returns once so many jobs run at the same time.
    Together(u32),
    /// It returns once everybody else is asleep: the one who waits for it, above all.
    Late,
    /// It never returns.
    Endless,
}

/// The work of one job. Pass it to `Process::new`.
pub fn work(job: Job) -> u64 {
    match job.length {
        Length::Short => {}
        Length::Together(parties) => {
            Rendezvous::named("all").meet(parties);
        }
        Length::Late => {
            // Nobody opens this gate, so the wait ends when all others sleep.
            Gate::named("late").wait();
        }
        Length::Endless => {
            note("endless", 0);
            loop {
                std::thread::park();
            }
        }
    }
    job.value
}

/// What is reported of the answer's result, with the children that were given back looked at and ended.
#[derive(Debug, Serialize, Deserialize)]
pub struct Report {
    finished: Vec<(usize, u64)>,
    running: Vec<(usize, u32, Status)>,
}

/// What one run is given.
pub struct Input {
    jobs: Vec<Job>,
    total: Duration,
}

/// The situations that an answer is put into.
pub fn scenarios(run_all: Answer) -> Vec<Scenario> {
    let act = move |input: Input| {
        let joined = run_all(input.jobs, input.total);
        note("returned", 0);
        let running = joined
            .running
            .iter()
            .map(|(place, child)| (*place, child.pid(), child.status()))
            .collect();
        for (_, child) in &joined.running {
            child.kill().expect("it is our child");
            child.wait().expect("it is our child");
        }
        Report {
            finished: joined.finished,
            running,
        }
    };
    vec![
        Scenario::new("all at the same time", draw_together, act, judge),
        Scenario::new("some come late", draw_late, act, judge),
        Scenario::new("some never end", draw_endless, act, judge),
    ]
}

/// Long enough for everything that ends.
const AMPLE: Duration = Duration::from_secs(600);
/// Short enough to wait for in vain.
const SCANT: Duration = Duration::from_millis(300);

fn jobs(draw: &mut Draw, lengths: Vec<Length>) -> Vec<Job> {
    lengths
        .into_iter()
        .map(|length| Job {
            value: draw.number(1..=1_000_000),
            length,
        })
        .collect()
}

fn draw_together(draw: &mut Draw) -> Input {
    let count = draw.size_in(2..=7);
    Input {
        jobs: jobs(draw, vec![Length::Together(count as u32); count]),
        total: AMPLE,
    }
}

fn draw_late(draw: &mut Draw) -> Input {
    let count = draw.size(6);
    let lengths = draw.list(count, |draw| {
        if draw.one_in(2) {
            Length::Late
        } else {
            Length::Short
        }
    });
    Input {
        jobs: jobs(draw, lengths),
        total: AMPLE,
    }
}

fn draw_endless(draw: &mut Draw) -> Input {
    let endless = draw.size_in(2..=4);
    let short = draw.size(5);
    let mut lengths = [vec![Length::Endless; endless], vec![Length::Short; short]].concat();
    draw.shuffle(&mut lengths);
    Input {
        jobs: jobs(draw, lengths),
        total: SCANT,
    }
}

fn judge(input: &Input, seen: &Evidence<Report>, found: &mut Findings) {
    let meetings = seen.meetings("all");
    if meetings.undecided > 0 {
        found.skip("overlap", "this machine was too busy to show it");
    } else {
        found.check("overlap", Verdict::Serial, meetings.missed == 0, || {
            format!(
                "{} jobs were to meet; the first waited for the others, and they were not started",
                input.jobs.len()
            )
        });
    }

    let waits: Vec<&Event> = seen
        .journal
        .events()
        .iter()
        .filter(|event| is_wait_of(event, seen.main_pid))
        .collect();
    // A wait that begins when the time is over asks for nothing more; one that gets the whole time again does.
    let asked: i64 = waits
        .iter()
        .filter(|wait| lasted(wait, seen))
        .map(|wait| wait.value)
        .sum();
    let total = input.total.as_micros() as i64;
    found
        .check("deadline", Verdict::Wrong, asked <= total, || {
            format!(
                "{} ms were allowed for everything; the waits for children that did not end were given {} ms together",
                total / 1000,
                asked / 1000
            )
        })
        .show(waits.iter().copied())
        .at(waits.first().and_then(|wait| wait.location.as_ref()));

    let Some(report) = &seen.value else { return };
    let returned = seen
        .journal
        .named("returned")
        .next()
        .map_or(u64::MAX, |event| event.seq);
    for (place, job) in input.jobs.iter().enumerate() {
        let value = report
            .finished
            .iter()
            .find(|(at, _)| *at == place)
            .map(|(_, value)| *value);
        let running = report.running.iter().find(|(at, ..)| *at == place);
        if job.length == Length::Endless {
            found.check("finished", Verdict::Wrong, value.is_none(), || {
                format!("job {place} never ends, and is among the finished")
            });
            found.check(
                "running",
                Verdict::Wrong,
                running.is_some_and(|(.., status)| *status == Status::Running),
                || match running {
                    None => format!("job {place} still ran when the time was over, and was not given back"),
                    Some((_, pid, status)) => {
                        format!("job {place} (pid {pid}) was to be given back alive; it {status}")
                    }
                },
            );
        } else {
            // One that ended in the last moment may be on either list.
            let in_time = running.is_none_or(|(_, pid, _)| {
                seen.process(*pid as i32)
                    .and_then(|process| process.ended_at)
                    .is_some_and(|at| waits.last().is_some_and(|wait| at < wait.seq) && at < returned)
            });
            let excused = running.is_some() && !in_time && input.total == SCANT;
            found.check(
                "finished",
                Verdict::Wrong,
                value == Some(job.value) || excused,
                || match (value, running) {
                    (Some(value), _) => format!(
                        "job {place} returned {}; its value was given as {value}",
                        job.value
                    ),
                    (None, Some((_, pid, _))) => {
                        format!("job {place} (pid {pid}) was given back as running; it ends by itself")
                    }
                    (None, None) => format!("job {place} is on neither list"),
                },
            );
        }
    }
}

/// Whether this is the beginning of a limited wait by the answer.
fn is_wait_of(event: &Event, pid: i32) -> bool {
    let waits = ["join", "wait", "wait_any", "join_all"];
    event.pid == pid && event.phase == Phase::Begin && waits.contains(&event.name.as_str())
}

/// Whether a wait was for a child that never ends: the time that it was given is gone. Of a wait for many nothing follows: the next
/// one is given what remains, if anything.
fn lasted<R>(wait: &Event, seen: &Evidence<R>) -> bool {
    let one = matches!(wait.name.as_str(), "join" | "wait");
    let returned = seen
        .journal
        .named("returned")
        .next()
        .map_or(u64::MAX, |event| event.seq);
    one && wait.seq < returned
        && seen
            .journal
            .named("endless")
            .any(|event| event.pid as u64 == wait.object)
}
