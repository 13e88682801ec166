//! Checks of lesson 2.2: a bounded number of children at once, each with its own argument, each with its own status.

use std::collections::BTreeSet;

use core_process::probe::Phase;
use core_process::{Signal, Status};
use grader::work::{Gate, Gauge, Rendezvous, note};
use grader::{Draw, Event, Evidence, Findings, Scenario, Verdict};
use serde::{Deserialize, Serialize};

/// What the learner writes: runs the jobs, no more than `width` at a time, and says how each one's process ended.
pub type Answer = fn(jobs: Vec<Job>, width: usize) -> Vec<Status>;

/// One job: an argument for [`work`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// Its number.
    pub id: u64,
    /// How its process is going to end.
    pub end: End,
}

/// How a job's process ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum End {
    /// It returns.
    Returns,
    /// It leaves with this exit code.
    Exits(i32),
    /// It is ended by this signal.
    Dies(Signal),
    /// It returns once all of these jobs have begun, or once it is clear that one of them will not.
    Outlasts(Vec<u64>),
    /// It returns once so many jobs are inside, or once it is clear that so many will not come.
    Crowds(u32),
}

const JOBS: Gauge = Gauge::named("jobs");
const BEGUN: Gate = Gate::named("begin of job");
const CROWD: Rendezvous = Rendezvous::named("crowd");

/// The work of one job. Pass it to `Process::new`.
pub fn work(job: Job) -> u64 {
    let inside = JOBS.enter();
    note("job", job.id as i64);
    BEGUN.number(job.id).open();
    match job.end {
        End::Returns => {}
        End::Exits(code) => {
            drop(inside);
            core_process::exit(code)
        }
        End::Dies(signal) => {
            drop(inside);
            grader::work::die(signal)
        }
        End::Outlasts(others) => {
            others.iter().all(|id| BEGUN.number(*id).wait());
        }
        End::Crowds(parties) => {
            CROWD.meet(parties);
        }
    }
    job.id
}

/// The situations that an answer is put into.
pub fn scenarios(run_jobs: Answer) -> Vec<Scenario> {
    let run = move |input: Input| run_jobs(input.jobs, input.width);
    vec![
        Scenario::new("equal jobs", draw_equal, run, judge),
        Scenario::new("a crowd", draw_crowd, run, judge),
        Scenario::new("one long job", draw_one_long, run, judge),
        Scenario::new("all kinds of ends", draw_ends, run, judge),
    ]
}

/// What one run is given.
pub struct Input {
    jobs: Vec<Job>,
    width: usize,
}

fn jobs(draw: &mut Draw, count: usize, end: impl Fn(&mut Draw) -> End) -> Vec<Job> {
    let mut ids: Vec<u64> = (1..=count as u64).collect();
    draw.shuffle(&mut ids);
    ids.into_iter().map(|id| Job { id, end: end(draw) }).collect()
}

fn draw_equal(draw: &mut Draw) -> Input {
    let count = draw.size(13);
    let width = draw.size_in(1..=4);
    Input {
        jobs: jobs(draw, count, |_| End::Returns),
        width,
    }
}

/// Each job stays until one more than allowed are inside: where the limit is not kept they all meet, certainly.
fn draw_crowd(draw: &mut Draw) -> Input {
    let width = draw.size_in(1..=4);
    let count = draw.size_in(width + 1..=9);
    Input {
        jobs: jobs(draw, count, |_| End::Crowds(width as u32 + 1)),
        width,
    }
}

/// One of the first jobs ends when all others have begun: with a place refilled as soon as it is free they always will.
fn draw_one_long(draw: &mut Draw) -> Input {
    let count = draw.size_in(4..=9);
    let width = draw.size_in(2..=3);
    let mut jobs = jobs(draw, count, |_| End::Returns);
    // Any of those that are started at once, so that to wait for the oldest is no better than to wait for the newest.
    let long = draw.number(0..=width as u64 - 1) as usize;
    let others = jobs.iter().map(|job| job.id).filter(|id| *id != jobs[long].id);
    jobs[long].end = End::Outlasts(others.collect());
    Input { jobs, width }
}

fn draw_ends(draw: &mut Draw) -> Input {
    let count = draw.size_in(3..=9);
    let width = draw.size_in(1..=4);
    let signals = [Signal::KILL, Signal::TERM, Signal::ABRT];
    let end = |draw: &mut Draw| match draw.number(0..=2) {
        0 => End::Returns,
        1 => End::Exits(draw.number(0..=255) as i32),
        _ => End::Dies(*draw.pick(&signals)),
    };
    Input {
        jobs: jobs(draw, count, end),
        width,
    }
}

fn expected(end: &End) -> Status {
    match end {
        End::Exits(code) => Status::Exited(*code),
        End::Dies(signal) => Status::Signaled(*signal),
        End::Returns | End::Outlasts(_) | End::Crowds(_) => Status::Exited(0),
    }
}

fn judge(input: &Input, seen: &Evidence<Vec<Status>>, found: &mut Findings) {
    let ran: Vec<_> = seen.journal.named("job").collect();
    let mut ids: Vec<i64> = ran.iter().map(|event| event.value).collect();
    let mut all: Vec<i64> = input.jobs.iter().map(|job| job.id as i64).collect();
    ids.sort_unstable();
    all.sort_unstable();
    found
        .check("once", Verdict::Wrong, ids == all, || {
            format!("the jobs {all:?} were to run once each; those that ran: {ids:?}")
        })
        .show(ran.iter().copied());

    let here = ran.iter().find(|event| event.pid == seen.main_pid);
    let pids: BTreeSet<i32> = ran.iter().map(|event| event.pid).collect();
    found
        .check(
            "processes",
            Verdict::NotAProcess,
            here.is_none() && pids.len() == ran.len(),
            || match here {
                Some(event) => format!("job {} ran in the main process (pid {})", event.value, event.pid),
                None => format!("{} jobs ran in {} processes", ran.len(), pids.len()),
            },
        )
        .show(ran.iter().copied());

    let gauge = seen.gauge("jobs");
    found
        .check("width", Verdict::Limit, gauge.peak <= input.width, || {
            format!(
                "{} jobs ran at once (pids {:?}); allowed: {}",
                gauge.peak, gauge.at_peak, input.width
            )
        })
        .show(
            seen.journal
                .about("jobs")
                .filter(|event| event.seq <= gauge.peak_seq),
        );

    let gate = seen.gate("begin of job");
    let missed = seen
        .journal
        .about("begin of job")
        .find(|event| event.name == "gate" && event.phase == Phase::End && event.value == 0);
    if gate.undecided > 0 {
        found.skip("refill", "this machine was too busy to show it");
    } else {
        found
            .check("refill", Verdict::Serial, missed.is_none(), || {
                let (pid, waiting) = missed.map_or((0, 0), |event| (event.pid, event.object));
                format!(
                    "pid {pid} ran on until all other jobs had begun, {} at a time were allowed, and job {waiting} was not started \
                     beside it",
                    input.width
                )
            })
            .show_lines(|| {
                let until = missed.map_or(0, |event| event.seq);
                grader::lines(seen.journal.about("jobs").filter(|event| event.seq < until))
            });
    }

    if let Some(statuses) = &seen.value {
        let expected: Vec<Status> = input.jobs.iter().map(|job| expected(&job.end)).collect();
        let differs = expected
            .iter()
            .zip(statuses)
            .position(|(expected, status)| expected != status);
        found
            .check(
                "status",
                Verdict::Wrong,
                *statuses == expected,
                || match differs {
                    Some(at) => format!(
                        "job {} (place {at}) {}; the answer says that it {}",
                        input.jobs[at].id, expected[at], statuses[at]
                    ),
                    None => format!(
                        "there are {} jobs and {} statuses",
                        expected.len(),
                        statuses.len()
                    ),
                },
            )
            .show_lines(|| {
                ends(input, &ran, seen)
                    .zip(statuses)
                    .map(|(end, said)| format!("{end}; said: it {said}"))
                    .collect()
            });
    }
}

/// How the process of each job ended, by the kernel's record, in the order of the jobs.
fn ends<'a>(
    input: &'a Input,
    ran: &'a [&Event],
    seen: &'a Evidence<Vec<Status>>,
) -> impl Iterator<Item = String> + 'a {
    input.jobs.iter().map(|job| {
        let begun = ran.iter().find(|event| event.value == job.id as i64);
        let status = begun.and_then(|event| seen.process(event.pid)?.status);
        format!(
            "pid {} (job {}) {}",
            begun.map_or(0, |event| event.pid),
            job.id,
            status.unwrap_or(Status::Unknown)
        )
    })
}
