//! Checks of lesson 2.10: all are started before any is waited for, and one deadline holds for the whole wait.
//!
//! No clock decides against one who is slow. How long an answer was ready to wait is in the journal: each join says when it begins
//! how much time it has. For other waits there are children that end one after the other, the last one many times the allowed time
//! later.

use std::time::{Duration, Instant};

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
    /// It returns after so many milliseconds, or later.
    Slow(u64),
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
        Length::Slow(milliseconds) => std::thread::sleep(Duration::from_millis(milliseconds)),
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
    /// How long the answer took, in microseconds.
    used: i64,
}

/// What one run is given.
pub struct Input {
    jobs: Vec<Job>,
    total: Duration,
}

/// The situations that an answer is put into.
pub fn scenarios(run_all: Answer) -> Vec<Scenario> {
    let act = move |input: Input| {
        let begin = Instant::now();
        let joined = run_all(input.jobs, input.total);
        let used = begin.elapsed().as_micros() as i64;
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
            used,
        }
    };
    vec![
        Scenario::new("all at the same time", draw_together, act, judge),
        Scenario::new("some come late", draw_late, act, judge),
        Scenario::new("some never end", draw_endless, act, judge),
        Scenario::new("one after the other", draw_slow, act, judge),
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

/// Each ends a little before the time would be over if it had begun anew with the end of the one before; the last one long after
/// the time that is allowed, so that nobody who keeps to that has seen its end, however busy the machine is.
fn draw_slow(draw: &mut Draw) -> Input {
    let mut lengths: Vec<Length> = (1..=STEPS).map(|step| Length::Slow(step * STEP)).collect();
    draw.shuffle(&mut lengths);
    Input {
        jobs: jobs(draw, lengths),
        total: BRIEF,
    }
}

/// The time that is allowed where one ends after the other.
const BRIEF: Duration = Duration::from_millis(200);
/// Milliseconds from one end to the next, and how many there are.
const STEP: u64 = 120;
const STEPS: u64 = 9;

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

    let waits = waits(seen);
    // A wait that begins when the time is over asks for nothing more; one that gets the whole time again does.
    let asked = longest_chain(&waits);
    let total = input.total.as_micros() as i64;
    let events = || waits.iter().map(|wait| wait.begin);
    found
        .check("deadline", Verdict::Wrong, asked <= total, || {
            format!(
                "{} ms were allowed for everything; the waits for children that did not end were given {} ms one after the other",
                total / 1000,
                asked / 1000
            )
        })
        .show(events())
        .at(waits.first().and_then(|wait| wait.begin.location.as_ref()));
    let whole: Vec<&Wait<'_>> = waits.iter().filter(|wait| wait.begin.value >= total).collect();
    let again = whole
        .iter()
        .find(|wait| whole.iter().any(|before| before.end < wait.begin.seq));
    found
        .check("deadline", Verdict::Wrong, again.is_none(), || {
            format!(
                "{} ms were allowed for everything; a wait was given all of them when another one, that had been given them too, \
                 was over",
                total / 1000
            )
        })
        .show(events())
        .at(again.and_then(|wait| wait.begin.location.as_ref()));

    let Some(report) = &seen.value else { return };
    // A clock can only run on while a machine is busy, so whoever gives up with time left has done so by itself.
    let gave_up = !report.running.is_empty() && report.used * 20 < total * 19;
    found.check("patience", Verdict::Wrong, !gave_up, || {
        format!(
            "{} of {} ms were used when {} of {} children were given back as still running",
            report.used / 1000,
            total / 1000,
            report.running.len(),
            input.jobs.len()
        )
    });
    for (place, job) in input.jobs.iter().enumerate() {
        let value = report
            .finished
            .iter()
            .find(|(at, _)| *at == place)
            .map(|(_, value)| *value);
        let running = report.running.iter().find(|(at, ..)| *at == place);
        if let Length::Slow(milliseconds) = job.length {
            let is_last = milliseconds == STEP * STEPS;
            found.check("deadline", Verdict::Wrong, !is_last || value.is_none(), || {
                format!(
                    "{} ms were allowed for everything; job {place} takes {milliseconds} ms, and is among the finished",
                    total / 1000
                )
            });
            found.check(
                "finished",
                Verdict::Wrong,
                value.map_or(running.is_some(), |value| value == job.value),
                || match value {
                    Some(value) => format!(
                        "job {place} returned {}; its value was given as {value}",
                        job.value
                    ),
                    None => format!("job {place} is on neither list"),
                },
            );
        } else if job.length == Length::Endless {
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
                let ended = seen.process(*pid as i32).and_then(|process| process.ended_at);
                ended.is_some_and(|at| last_look(&waits, *pid).is_some_and(|look| at < look))
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

/// One wait of the answer.
struct Wait<'e> {
    begin: &'e Event,
    /// The place of its end in the journal.
    end: u64,
    /// Whether it was for a child that never ends: the time that it was given is gone.
    lasted: bool,
}

/// The waits of the answer, until it returned.
fn waits(seen: &Evidence<Report>) -> Vec<Wait<'_>> {
    let waits = ["join", "wait", "wait_any", "join_all"];
    let returned = seen
        .journal
        .named("returned")
        .next()
        .map_or(u64::MAX, |event| event.seq);
    let own = |event: &&Event| {
        event.pid == seen.main_pid && event.seq < returned && waits.contains(&event.name.as_str())
    };
    let events: Vec<&Event> = seen.journal.events().iter().filter(own).collect();
    let end_of = |begin: &Event| {
        let ends = |event: &&&Event| {
            event.phase == Phase::End
                && event.tid == begin.tid
                && event.name == begin.name
                && event.seq > begin.seq
        };
        events.iter().find(ends).map_or(returned, |end| end.seq)
    };
    // Of a wait for many nothing follows: the next one is given what remains, if anything.
    let lasted = |begin: &Event| {
        let mut endless = seen.journal.named("endless");
        matches!(begin.name.as_str(), "join" | "wait")
            && endless.any(|event| event.pid as u64 == begin.object)
    };
    events
        .iter()
        .filter(|event| event.phase == Phase::Begin)
        .map(|begin| Wait {
            begin,
            end: end_of(begin),
            lasted: lasted(begin),
        })
        .collect()
}

/// The most time that waits in vain, each begun when the one before was over, were given together, in microseconds. Waits of
/// several threads at the same time count once.
fn longest_chain(waits: &[Wait<'_>]) -> i64 {
    let mut chains: Vec<(u64, i64)> = Vec::new();
    for wait in waits.iter().filter(|wait| wait.lasted) {
        let before = chains
            .iter()
            .filter(|(end, _)| *end < wait.begin.seq)
            .map(|(_, time)| *time)
            .max();
        chains.push((wait.end, before.unwrap_or(0) + wait.begin.value));
    }
    chains.into_iter().map(|(_, time)| time).max().unwrap_or(0)
}

/// The place in the journal before which a child must have ended to be among the finished: where it was looked at last, or, if
/// nobody looked at it, where the last wait for another one was over.
fn last_look(waits: &[Wait<'_>], pid: u32) -> Option<u64> {
    let looks = waits.iter().filter(|wait| {
        matches!(wait.begin.name.as_str(), "wait_any" | "join_all") || wait.begin.object == u64::from(pid)
    });
    looks
        .map(|wait| wait.begin.seq)
        .max()
        .or_else(|| waits.iter().map(|wait| wait.end).max())
}
