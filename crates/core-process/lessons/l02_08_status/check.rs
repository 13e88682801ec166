//! Checks of lesson 2.8: what a monitor observes of processes that end in every way there is, or do not end.
//!
//! A job waits until it was observed as running, and for all others to be there; so both observations are certain to be
//! possible. A job that runs on says itself when the time is up: when all the others have ended, by the kernel's word.

use std::collections::BTreeSet;
use std::panic::Location;
use std::time::Duration;

use core_process::probe::{self, Phase};
use core_process::{Signal, Status, StopSource, StopToken};
use grader::work::{Counter, Gate, Rendezvous, note};
use grader::{Draw, Event, Evidence, Findings, Scenario, Verdict};
use serde::{Deserialize, Serialize};

/// What the learner writes: runs the jobs at the same time, observes them, and says how each ended, in the order of the jobs.
pub type Answer = fn(jobs: Vec<Job>, time_is_up: &StopToken) -> Vec<Ending>;

/// One job: an argument for [`work`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// Its number.
    pub id: u64,
    /// So many jobs there are.
    count: u32,
    plan: Plan,
    /// The job that says when the time is up.
    keeper: Option<Keeper>,
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// Its function returned this.
    Returned(u64),
    /// Its function panicked, with this message.
    Panicked(String),
    /// It left by itself with this exit code, before the function had returned.
    Exited(i32),
    /// A signal ended it.
    Killed(Signal),
    /// It was still running when the time was up, and was ended for that.
    RanOn,
}

/// How a job is going to end.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Plan {
    Returns(u64),
    Panics(String),
    Exits(i32),
    Dies(Signal),
    RunsOn,
}

/// Who says that the time is up, and of which jobs' ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Keeper {
    time: StopSource,
    ending: Vec<u64>,
}

const PID: Counter = Counter::named("pid of job");
const SEEN_NAME: &str = "seen running";
const SEEN: Gate = Gate::named(SEEN_NAME);
const ALL: Rendezvous = Rendezvous::named("all jobs");
const ENDING: Gate = Gate::named("end of job");
const OBSERVED: &str = "observed";

/// Says which status a job was seen in. To be called in the main process whenever it is a new one.
#[track_caller]
pub fn observe(job: u64, status: Status) {
    probe::emit(
        OBSERVED,
        Phase::Point,
        job,
        code(status),
        Some(Location::caller()),
    );
    SEEN.number(job).open();
}

/// A status as one number: a code of exit, or a signal's number below zero.
fn code(status: Status) -> i64 {
    match status {
        Status::Exited(code) => i64::from(code),
        Status::Signaled(signal) => -i64::from(signal.number()),
        Status::Running => i64::MAX,
        Status::Unknown => i64::MIN,
    }
}

fn status_of(code: i64) -> Status {
    match code {
        i64::MAX => Status::Running,
        i64::MIN => Status::Unknown,
        0.. => Status::Exited(code as i32),
        _ => Signal::new(-code as i32).map_or(Status::Unknown, Status::Signaled),
    }
}

/// The work of one job. Pass it to `Process::new`.
pub fn work(job: Job) -> u64 {
    PID.number(job.id).fetch_add(u64::from(std::process::id()));
    note("job", job.id as i64);
    SEEN.number(job.id).wait();
    ALL.meet(job.count);
    if let Some(keeper) = job.keeper {
        for id in keeper.ending {
            if ENDING.number(id).wait() {
                await_death(PID.number(id).value());
            }
        }
        keeper.time.stop();
    } else {
        ENDING.number(job.id).open();
    }
    match job.plan {
        Plan::Returns(value) => value,
        Plan::Panics(message) => panic!("{message}"),
        Plan::Exits(code) => core_process::exit(code),
        Plan::Dies(signal) => grader::work::die(signal),
        Plan::RunsOn => loop {
            std::thread::park();
        },
    }
}

/// Waits until a process that is about to end has ended. It is a sister of this one, so it can only be looked at.
fn await_death(pid: u64) {
    let lives = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // The name in parentheses may hold anything; the state follows it.
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
    };
    while lives() {
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The situations that an answer is put into.
pub fn scenarios(monitor: Answer) -> Vec<Scenario> {
    let run = move |input: Input| {
        let time = StopSource::new().expect("a descriptor is free");
        let ending: Vec<u64> = input
            .plans
            .iter()
            .filter(|(_, plan)| !matches!(plan, Plan::RunsOn))
            .map(|(id, _)| *id)
            .collect();
        let count = input.plans.len() as u32;
        let mut keeper = Some(Keeper {
            time: time.clone(),
            ending,
        });
        let job = |(id, plan)| Job {
            id,
            count,
            keeper: if matches!(plan, Plan::RunsOn) {
                keeper.take()
            } else {
                None
            },
            plan,
        };
        let jobs = input.plans.into_iter().map(job).collect();
        monitor(jobs, &time.token())
    };
    vec![
        Scenario::new("every kind of end", draw_every_kind, run, judge),
        Scenario::new("some of them", draw_some, run, judge),
    ]
}

/// What one run is given: each job's number and how it ends.
pub struct Input {
    plans: Vec<(u64, Plan)>,
}

const SIGNALS: [Signal; 4] = [Signal::KILL, Signal::TERM, Signal::USR1, Signal::INT];

fn numbered(mut plans: Vec<Plan>, draw: &mut Draw) -> Input {
    draw.shuffle(&mut plans);
    Input {
        plans: (1..).zip(plans).collect(),
    }
}

/// All ends, and those that look like another one: 101 is what a panic exits with, 134 and 137 what a shell shows for SIGABRT
/// and SIGKILL.
fn draw_every_kind(draw: &mut Draw) -> Input {
    let plans = vec![
        Plan::Returns(draw.number(0..=u64::MAX)),
        Plan::Panics(format!("there is no record {}", draw.number(1..=99))),
        Plan::Exits(0),
        Plan::Exits(101),
        Plan::Exits(134),
        Plan::Exits(137),
        Plan::Exits(draw.number(256..=600) as i32),
        Plan::Dies(Signal::ABRT),
        Plan::Dies(*draw.pick(&SIGNALS)),
        Plan::RunsOn,
    ];
    numbered(plans, draw)
}

fn draw_some(draw: &mut Draw) -> Input {
    let count = draw.size(6);
    let plans = draw.list(count, |draw| match draw.number(0..=4) {
        0 => Plan::Returns(draw.number(0..=9)),
        1 => Plan::Panics(format!("nothing in {}", draw.number(1..=99))),
        2 => Plan::Exits(draw.number(0..=300) as i32 - 40),
        3 => Plan::Dies(*draw.pick(&SIGNALS)),
        _ => Plan::RunsOn,
    });
    numbered(plans, draw)
}

fn expected(plan: &Plan) -> Ending {
    match plan {
        Plan::Returns(value) => Ending::Returned(*value),
        Plan::Panics(message) => Ending::Panicked(message.clone()),
        Plan::Exits(code) => Ending::Exited(code & 0xff),
        Plan::Dies(signal) => Ending::Killed(*signal),
        Plan::RunsOn => Ending::RanOn,
    }
}

fn judge(input: &Input, seen: &Evidence<Vec<Ending>>, found: &mut Findings) {
    let ran: Vec<&Event> = seen.journal.named("job").collect();
    let pid_of = |id: u64| {
        ran.iter()
            .find(|event| event.value as u64 == id)
            .map(|event| event.pid)
    };
    let pids: BTreeSet<i32> = ran.iter().map(|event| event.pid).collect();
    let here = ran.iter().find(|event| event.pid == seen.main_pid);
    // Where jobs did not meet, some may have been ended before they had begun; that is said by the next check.
    let (count, met) = (
        input.plans.len(),
        seen.meetings("all jobs").all_met() != Some(false),
    );
    found
        .check(
            "processes",
            Verdict::NotAProcess,
            here.is_none() && pids.len() == ran.len() && (ran.len() == count || !met),
            || match here {
                Some(event) => format!("job {} ran in the main process (pid {})", event.value, event.pid),
                None => format!(
                    "there are {} jobs; {} ran, in {} processes",
                    input.plans.len(),
                    ran.len(),
                    pids.len()
                ),
            },
        )
        .show(ran.iter().copied());

    found
        .overlap("together", seen.meetings("all jobs"), || {
            let first = ran
                .iter()
                .find_map(|job| Some((job, seen.process(job.pid)?.ended_at?)));
            match first {
                Some((job, end)) => format!(
                    "job {} (pid {}) had ended when {} of the {count} jobs had begun",
                    job.value,
                    job.pid,
                    ran.iter().filter(|other| other.seq < end).count()
                ),
                None => format!(
                    "{} of the {count} jobs began, and waited for the others in vain",
                    ran.len()
                ),
            }
        })
        .show_lines(|| lives(seen, &ran))
        .at(seen.descendants().find_map(|child| seen.started_at(child.pid)));

    for (id, plan) in &input.plans {
        if let Some(pid) = pid_of(*id) {
            judge_observed(*id, plan, pid, seen, found);
        }
    }

    let Some(endings) = &seen.value else { return };
    found.check(
        "ending",
        Verdict::Wrong,
        endings.len() == input.plans.len(),
        || {
            format!(
                "there are {} jobs and {} endings",
                input.plans.len(),
                endings.len()
            )
        },
    );
    for ((id, plan), ending) in input.plans.iter().zip(endings) {
        let right = expected(plan);
        found
            .check("ending", Verdict::Wrong, *ending == right, || {
                format!(
                    "job {id} (pid {}) {}; the answer says that it {}",
                    pid_of(*id).unwrap_or(0),
                    told(&right),
                    told(ending)
                )
            })
            .show_lines(|| vec![history(*id, pid_of(*id), seen)]);
    }
}

fn judge_observed(id: u64, plan: &Plan, pid: i32, seen: &Evidence<Vec<Ending>>, found: &mut Findings) {
    let process = seen.process(pid);
    let observed: Vec<&Event> = seen
        .journal
        .named(OBSERVED)
        .filter(|event| event.object == id)
        .collect();
    let mut states: Vec<Status> = observed.iter().map(|event| status_of(event.value)).collect();
    states.dedup();
    // Without ptrace the kernel's record may lack a status; then it is the one that the job was made for.
    let end = process
        .and_then(|process| process.status)
        .filter(|_| seen.exact)
        .unwrap_or_else(|| status_after(plan, &states));
    // Whether a job that runs on is ended at all is not this check's business: it may be left behind.
    let complete =
        states == [Status::Running, end] || matches!(plan, Plan::RunsOn) && states == [Status::Running];
    found
        .check("seen", Verdict::Wrong, complete, || {
            let shown: Vec<String> = states.iter().map(Status::to_string).collect();
            format!(
                "job {id} (pid {pid}) was running, then it {end}; observed was: {}",
                if shown.is_empty() {
                    "nothing".to_owned()
                } else {
                    shown.join(", then ")
                }
            )
        })
        .show_lines(|| vec![history(id, Some(pid), seen)])
        .at(observed.last().and_then(|event| event.location.as_ref()));
    let early = observed
        .iter()
        .filter(|event| seen.exact && event.value != i64::MAX)
        .find(|event| process.is_some_and(|process| process.ended_at.is_none_or(|end| event.seq < end)));
    found
        .check("seen", Verdict::Wrong, early.is_none(), || {
            format!("job {id} (pid {pid}) was observed as ended while it still ran")
        })
        .show_lines(|| vec![history(id, Some(pid), seen)])
        .at(early.and_then(|event| event.location.as_ref()));
}

/// The status that a job's process ends with; for one that is ended by the answer, any signal that it chose.
fn status_after(plan: &Plan, observed: &[Status]) -> Status {
    match plan {
        Plan::Returns(_) => Status::Exited(0),
        Plan::Panics(_) => Status::Exited(101),
        Plan::Exits(code) => Status::Exited(code & 0xff),
        Plan::Dies(signal) => Status::Signaled(*signal),
        Plan::RunsOn => {
            let signal = observed
                .iter()
                .find(|status| matches!(status, Status::Signaled(_)));
            signal.copied().unwrap_or(Status::Unknown)
        }
    }
}

/// What was observed of a job, in one line.
fn history(id: u64, pid: Option<i32>, seen: &Evidence<Vec<Ending>>) -> String {
    let observed: Vec<String> = seen
        .journal
        .named(OBSERVED)
        .filter(|event| event.object == id)
        .map(|event| status_of(event.value).to_string())
        .collect();
    let done = seen
        .journal
        .named("done")
        .next()
        .map_or(u64::MAX, |event| event.seq);
    let kernel = pid
        .and_then(|pid| seen.process(pid))
        .filter(|process| process.ended_at.is_some_and(|end| end <= done))
        .and_then(|process| process.status)
        .map_or_else(
            || {
                if seen.exact {
                    "had not ended when the answer returned"
                } else {
                    "ended in an unknown way"
                }
                .to_owned()
            },
            |status| status.to_string(),
        );
    format!(
        "pid {} (job {id}): observed {:?}; by the kernel's record it {kernel}",
        pid.unwrap_or(0),
        observed
    )
}

/// Which jobs were there when.
fn lives(seen: &Evidence<Vec<Ending>>, ran: &[&Event]) -> Vec<String> {
    let mut lines: Vec<(u64, String)> = Vec::new();
    for job in ran {
        lines.push((
            2 * job.seq + 1,
            format!("pid {} begins job {}", job.pid, job.value),
        ));
        if let Some(end) = seen.process(job.pid).and_then(|process| process.ended_at) {
            // Its place is that of the next event, which comes after it.
            lines.push((2 * end, format!("pid {} (job {}) ends", job.pid, job.value)));
        }
    }
    lines.sort();
    lines.into_iter().take(10).map(|(_, line)| line).collect()
}

fn told(ending: &Ending) -> String {
    match ending {
        Ending::Returned(value) => format!("returned {value}"),
        Ending::Panicked(message) => format!("panicked with {message:?}"),
        Ending::Exited(code) => format!("exited with code {code} by itself"),
        Ending::Killed(signal) => format!("was ended by {signal}"),
        Ending::RanOn => "was still running when the time was up".to_owned(),
    }
}
