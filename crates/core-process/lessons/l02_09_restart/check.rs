//! Checks of lesson 2.9: a job is tried again until it succeeds, a limited number of times, one attempt after the other.
//!
//! What the answer reports is compared with the kernel's record of what ran, so that an attempt which a busy machine made too slow
//! is nobody's fault.

use std::time::Duration;

use core_process::{Signal, Status};
use grader::cage::ProcessRecord;
use grader::work::{Counter, note};
use grader::{Draw, Event, Evidence, Findings, Scenario, Verdict};
use serde::{Deserialize, Serialize};

/// What the learner writes: runs the job until it succeeds, with at most `max_restarts` restarts; an attempt that takes longer
/// than `patience` has failed.
pub type Answer = fn(job: Job, max_restarts: u32, patience: Duration) -> Outcome;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// How many processes were started.
    pub attempts: u32,
    /// How the last one ended.
    pub last: Status,
}

/// How the attempts of a job go, in their order; all after the last of the list succeed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    attempts: Vec<Attempt>,
}

/// How one attempt goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Attempt {
    Panics,
    Exits(i32),
    Dies(Signal),
    Hangs,
}

/// The work of a job. Pass it to `Process::new`.
pub fn work(job: Job) {
    let number = Counter::named("attempts").fetch_add(1);
    note("attempt", number as i64 + 1);
    match job.attempts.get(number as usize) {
        None => {}
        Some(Attempt::Panics) => panic!("attempt {} fails", number + 1),
        Some(Attempt::Exits(code)) => core_process::exit(*code),
        Some(Attempt::Dies(signal)) => grader::work::die(*signal),
        Some(Attempt::Hangs) => loop {
            std::thread::park();
        },
    }
}

/// What one run is given.
pub struct Input {
    job: Job,
    max_restarts: u32,
    patience: Duration,
}

/// The situations that an answer is put into.
pub fn scenarios(run_until_ok: Answer) -> Vec<Scenario> {
    let act = move |input: Input| run_until_ok(input.job, input.max_restarts, input.patience);
    vec![
        Scenario::new("it succeeds in the end", draw_succeeds, act, judge),
        Scenario::new("it never succeeds", draw_hopeless, act, judge),
        // Who kills without a wait for the end is to be seen ahead of it, every time.
        Scenario::new("an attempt hangs", draw_hangs, act, judge).slow_deaths(),
    ]
}

/// Longer than any attempt that does not hang.
const AMPLE: Duration = Duration::from_secs(600);
/// Short enough to wait for in vain.
const SCANT: Duration = Duration::from_millis(300);
/// So many attempts of a hopeless job and no more, so that an answer without a limit comes to an end.
const HOPELESS: usize = 30;

fn failure(draw: &mut Draw) -> Attempt {
    match draw.number(0..=2) {
        0 => Attempt::Panics,
        1 => Attempt::Exits(*draw.pick(&[1, 2, 101, 255])),
        _ => Attempt::Dies(*draw.pick(&[Signal::KILL, Signal::TERM, Signal::ABRT])),
    }
}

fn draw_succeeds(draw: &mut Draw) -> Input {
    let failures = draw.size(5);
    let spare = draw.number(1..=3) as u32;
    let attempts = draw.list(failures, failure);
    Input {
        job: Job { attempts },
        max_restarts: failures as u32 + spare,
        patience: AMPLE,
    }
}

fn draw_hopeless(draw: &mut Draw) -> Input {
    let max_restarts = draw.size(5) as u32;
    let attempts = draw.list(HOPELESS, failure);
    Input {
        job: Job { attempts },
        max_restarts,
        patience: AMPLE,
    }
}

fn draw_hangs(draw: &mut Draw) -> Input {
    let mut attempts = vec![Attempt::Hangs];
    let failures = draw.size(2);
    attempts.extend(draw.list(failures, failure));
    draw.shuffle(&mut attempts);
    let max_restarts = attempts.len() as u32 + 1;
    Input {
        job: Job { attempts },
        max_restarts,
        patience: SCANT,
    }
}

fn judge(input: &Input, seen: &Evidence<Outcome>, found: &mut Findings) {
    // An attempt is a process of its own in which the work began.
    let attempts: Vec<&Event> = seen
        .journal
        .named("attempt")
        .filter(|event| event.pid != seen.main_pid)
        .collect();
    let allowed = input.max_restarts as usize + 1;
    let count = attempts.len();
    found
        .check("limit", Verdict::Limit, count <= allowed, || {
            format!(
                "{count} attempts were made; {} restarts were allowed, which is {allowed} attempts",
                input.max_restarts
            )
        })
        .show(attempts.iter().copied());

    if seen.exact {
        let records: Vec<&ProcessRecord> = attempts
            .iter()
            .filter_map(|event| seen.process(event.pid))
            .collect();
        let overlap = records
            .windows(2)
            .find(|pair| pair[0].ended_at.is_none_or(|end| end > pair[1].forked_at));
        found
            .check("alone", Verdict::Race, overlap.is_none(), || match overlap {
                Some([old, new]) => {
                    format!(
                        "pid {} was started while pid {}, the attempt before, was still running",
                        new.pid, old.pid
                    )
                }
                _ => String::new(),
            })
            .show(attempts.iter().copied());
    } else {
        found.skip(
            "alone",
            "without ptrace the moment of a process's end is not known exactly",
        );
    }

    let success = attempts
        .iter()
        .position(|attempt| status_of(attempt, &input.job, seen) == Some(Status::Exited(0)));
    let stopped_well = match success {
        Some(at) => at + 1 == count,
        None => count == allowed,
    };
    found
        .check("until", Verdict::Wrong, stopped_well, || match success {
            Some(at) => format!(
                "attempt {} succeeded, and {} more were made after it",
                at + 1,
                count - at - 1
            ),
            None => format!("{count} attempts failed, {allowed} were allowed, and then it was given up"),
        })
        .show(attempts.iter().copied());

    if let Some(outcome) = seen.value {
        let last = attempts
            .last()
            .and_then(|attempt| status_of(attempt, &input.job, seen));
        let right = outcome.attempts as usize == count
            && (last.is_none() && !seen.exact || Some(outcome.last) == last);
        found.check("report", Verdict::Wrong, right, || {
            let last = last.map_or("has no status".to_owned(), |status| status.to_string());
            format!(
                "there were {count} attempts and the last one {last}; the report says {} and that it {}",
                outcome.attempts, outcome.last
            )
        });
    }
}

/// How an attempt ended: by the kernel's record where that is exact, else by what the job was told to do; `None` where it hung and
/// was ended by whatever means.
fn status_of(attempt: &Event, job: &Job, seen: &Evidence<Outcome>) -> Option<Status> {
    if seen.exact {
        return seen.process(attempt.pid)?.status;
    }
    match job.attempts.get(attempt.value as usize - 1) {
        None => Some(Status::Exited(0)),
        Some(Attempt::Panics) => Some(Status::Exited(101)),
        Some(Attempt::Exits(code)) => Some(Status::Exited(*code)),
        Some(Attempt::Dies(signal)) => Some(Status::Signaled(*signal)),
        Some(Attempt::Hangs) => None,
    }
}
