//! Checks of lesson 2.3: children end in an order that nobody knows, and ring a bell that has to be answered meanwhile.
//!
//! A child ends only when the one before it was reported, and goes on after it has rung only when it was answered. So an
//! answer that waits for one certain thing waits for something that cannot come, and the gate tells it from one that is slow.

#[path = "check/story.rs"]
mod story;

use std::collections::BTreeSet;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixDatagram;
use std::panic::Location;
use std::sync::{Mutex, PoisonError};

use core_process::probe::{self, Phase};
use core_process::{Fd, Signal, Status};
use grader::work::{Counter, Gate, Rendezvous, Rest, await_end_of_child, note, watch_rest};
use grader::{Draw, Event, Evidence, Findings, Scenario, Verdict};
use serde::{Deserialize, Serialize};

use story::{line, rest_lines, story};

/// What the learner writes: runs the jobs at the same time, reports each as soon as its process has ended, answers the bell.
pub type Answer = fn(jobs: Vec<Job>, bell: &Bell);

/// One job: an argument for [`work`].
#[derive(Debug, Serialize, Deserialize)]
pub struct Job {
    /// Its number.
    pub id: u64,
    plan: Plan,
    button: Button,
}

/// The bell of the program. As a descriptor it is ready (to be waited for by `wait_any`) while somebody has rung.
#[derive(Debug)]
pub struct Bell {
    door: UnixDatagram,
}

/// What a child rings the bell with.
#[derive(Debug, Serialize, Deserialize)]
struct Button(Fd<UnixDatagram>);

/// What a job does.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Plan {
    rings: u64,
    /// The job that has to be reported before this one ends.
    after: Option<u64>,
    end: End,
    /// So many jobs are to be here before anything happens, and nothing happens until one has watched the parent.
    crowd: u32,
    watches: Watches,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Watches {
    Nobody,
    Parent,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum End {
    Returns,
    Exits(i32),
    Dies(Signal),
}

const ANSWERED_NAME: &str = "answer to";
const REPORTED_NAME: &str = "report of";
const ANSWERED: Gate = Gate::named(ANSWERED_NAME);
const REPORTED: Gate = Gate::named(REPORTED_NAME);
const CROWD: Rendezvous = Rendezvous::named("all jobs");
const BEGUN: Gate = Gate::named("begin of job");
const PID: Counter = Counter::named("pid of job");
const WATCHED: Gate = Gate::named("watch");

/// A ring's number: of the job and of the ring. No job rings so often that two would be the same.
fn ring_number(job: u64, ring: u64) -> u64 {
    job * 1000 + ring
}

impl Bell {
    /// Takes one ring and answers it. Waits for one if nobody has rung.
    #[track_caller]
    pub fn answer(&self) {
        let caller = Some(Location::caller());
        probe::emit("answer", Phase::Begin, 0, 0, caller);
        let mut number = [0; 8];
        if self.door.recv(&mut number).is_ok() {
            ANSWERED.number(u64::from_le_bytes(number)).open();
        }
        probe::emit("answer", Phase::End, 0, 0, caller);
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.door.as_fd()
    }
}

/// Says that a job's process has ended, and how. To be called in the main process, as soon as it is known.
#[track_caller]
pub fn report(job: u64, status: Status) {
    probe::emit(REPORT, Phase::Point, job, code(status), Some(Location::caller()));
    REPORTED.number(job).open();
    let pair = match &*AT_ONCE.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(at_once) if at_once.first == job => at_once.pair,
        _ => return,
    };
    for job in pair {
        if BEGUN.number(job).wait() {
            await_end_of_child(PID.number(job).value() as u32);
        }
    }
}

/// Two jobs that end while the report of the one before is being made, so that both have ended at the next look.
#[derive(Clone, Copy, Debug)]
struct AtOnce {
    first: u64,
    pair: [u64; 2],
}

/// Those of this run, in the process of the answer.
static AT_ONCE: Mutex<Option<AtOnce>> = Mutex::new(None);

const REPORT: &str = "report";

/// The last note of a job: from here to the end of its process it waits for nobody.
const ENDS: &str = "ends";

fn expected(end: End) -> Status {
    match end {
        End::Returns => Status::Exited(0),
        End::Exits(code) => Status::Exited(code),
        End::Dies(signal) => Status::Signaled(signal),
    }
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
        0.. => Status::Exited(code as i32),
        _ => Signal::new(-code as i32).map_or(Status::Unknown, Status::Signaled),
    }
}

/// The work of one job. Pass it to `Process::new`.
pub fn work(job: Job) -> u64 {
    PID.number(job.id).fetch_add(u64::from(std::process::id()));
    note("job", job.id as i64);
    BEGUN.number(job.id).open();
    let plan = job.plan;
    if plan.crowd > 0 && CROWD.meet(plan.crowd) {
        match (plan.watches, core_process::parent()) {
            (Watches::Parent, Some(parent)) => {
                watch_rest(parent.pid());
                WATCHED.open();
            }
            (Watches::Parent, None) => WATCHED.open(),
            (Watches::Nobody, _) => {
                WATCHED.wait();
            }
        }
    }
    for ring in 0..plan.rings {
        let number = ring_number(job.id, ring);
        if job.button.0.send(&number.to_le_bytes()).is_ok() {
            ANSWERED.number(number).wait();
        }
    }
    if let Some(before) = plan.after {
        REPORTED.number(before).wait();
    }
    note(ENDS, job.id as i64);
    match plan.end {
        End::Returns => job.id,
        End::Exits(code) => core_process::exit(code),
        End::Dies(signal) => grader::work::die(signal),
    }
}

/// The situations that an answer is put into.
pub fn scenarios(attend: Answer) -> Vec<Scenario> {
    let run = move |input: Input| {
        let (door, outside) = UnixDatagram::pair().expect("a pair of sockets can be made");
        let button = |_| Button(Fd::from(outside.try_clone().expect("a descriptor is free")));
        let job = |(id, plan)| Job {
            id,
            plan,
            button: button(id),
        };
        *AT_ONCE.lock().unwrap_or_else(PoisonError::into_inner) = input.at_once;
        let jobs = input.jobs.into_iter().map(job).collect();
        attend(jobs, &Bell { door });
        // Until here the door has somebody outside, so that nobody inside is told of an end of the line.
        drop(outside);
    };
    vec![
        Scenario::new("the bell rings", draw_rings, run, judge),
        Scenario::new("ends in any order", draw_ends, run, judge),
        Scenario::new("two ends at once", draw_at_once, run, judge),
        Scenario::new("nothing happens", draw_rest, run, judge),
    ]
}

/// What one run is given: the jobs' numbers and what they do, in the order in which the answer gets them.
pub struct Input {
    jobs: Vec<(u64, Plan)>,
    at_once: Option<AtOnce>,
}

/// Jobs that end in an order of their own: never the first one first, if there are two.
fn chain(draw: &mut Draw, count: usize) -> Vec<(u64, Plan)> {
    let mut ids: Vec<u64> = (1..=count as u64).collect();
    draw.shuffle(&mut ids);
    let mut order: Vec<usize> = (0..count).collect();
    draw.shuffle(&mut order);
    if order.first() == Some(&0) {
        order.rotate_left(1);
    }
    let mut before = vec![None; count];
    for pair in order.windows(2) {
        before[pair[1]] = Some(ids[pair[0]]);
    }
    let plan = |after| Plan {
        rings: 0,
        after,
        end: End::Returns,
        crowd: 0,
        watches: Watches::Nobody,
    };
    ids.into_iter().zip(before.into_iter().map(plan)).collect()
}

fn draw_rings(draw: &mut Draw) -> Input {
    let count = draw.size_in(1..=5);
    let mut jobs = chain(draw, count);
    for (_, plan) in &mut jobs {
        plan.rings = draw.number(1..=3);
    }
    Input { jobs, at_once: None }
}

fn draw_ends(draw: &mut Draw) -> Input {
    let count = draw.size(7);
    let mut jobs = chain(draw, count);
    for (_, plan) in &mut jobs {
        plan.rings = draw.number(0..=1);
        plan.end = match draw.number(0..=2) {
            0 => End::Returns,
            1 => End::Exits(draw.number(0..=255) as i32),
            _ => End::Dies(*draw.pick(&[Signal::KILL, Signal::TERM, Signal::ABRT])),
        };
    }
    if let Some((_, plan)) = jobs.get_mut(count / 2) {
        plan.end = End::Dies(Signal::KILL);
    }
    Input { jobs, at_once: None }
}

/// Two end at the same time, and none of the others before both are reported. The last of the list is one of the others, so that
/// a position which has become wrong is the position of a job that still runs.
fn draw_at_once(draw: &mut Draw) -> Input {
    let count = draw.size_in(4..=7);
    let mut jobs = chain(draw, count);
    let mut places: Vec<usize> = (0..count - 1).collect();
    draw.shuffle(&mut places);
    places[1..3].sort_unstable();
    places.push(count - 1);
    let id = |place: usize| places.get(place).map(|place| jobs[*place].0);
    let after: Vec<Option<u64>> = (0..count)
        .map(|turn| match turn {
            0 => None,
            1 | 2 => id(0),
            _ => id(turn - 1),
        })
        .collect();
    let at_once = AtOnce {
        first: jobs[places[0]].0,
        pair: [jobs[places[1]].0, jobs[places[2]].0],
    };
    for (place, after) in places.iter().zip(after) {
        jobs[*place].1.after = after;
    }
    Input {
        jobs,
        at_once: Some(at_once),
    }
}

fn draw_rest(draw: &mut Draw) -> Input {
    let count = draw.size_in(1..=4);
    let mut jobs = chain(draw, count);
    let watcher = draw.number(0..=count as u64 - 1) as usize;
    for (place, (_, plan)) in jobs.iter_mut().enumerate() {
        plan.crowd = count as u32;
        plan.rings = 1;
        if place == watcher {
            plan.watches = Watches::Parent;
        }
    }
    Input { jobs, at_once: None }
}

fn judge(input: &Input, seen: &Evidence<()>, found: &mut Findings) {
    let jobs = &input.jobs;
    let ran: Vec<&Event> = seen.journal.named("job").collect();
    let reports: Vec<&Event> = seen.journal.named(REPORT).collect();
    let lines = || reports.iter().map(|event| line(event)).collect::<Vec<_>>();

    let numbers = |events: &[&Event], number: fn(&Event) -> u64| {
        let mut numbers: Vec<u64> = events.iter().map(|event| number(event)).collect();
        numbers.sort_unstable();
        numbers
    };
    let all: Vec<u64> = (1..=jobs.len() as u64).collect();
    let run = numbers(&ran, |event| event.value as u64);
    let reported = numbers(&reports, |event| event.object);
    found
        .check("once", Verdict::Wrong, run == all && reported == all, || {
            format!("the jobs are {all:?}; run were {run:?}, and reported {reported:?}")
        })
        .show_lines(lines);

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

    for report in &reports {
        let Some(job) = ran.iter().find(|event| event.value as u64 == report.object) else {
            continue;
        };
        let (job, pid) = (report.object, job.pid);
        let process = seen.process(pid);
        // Without ptrace the end of a process is placed too late, and nothing is known but that nobody reports after its own.
        let early = report.pid == pid
            || seen.exact
                && process.is_some_and(|process| process.ended_at.is_none_or(|end| report.seq < end));
        found
            .check("ended", Verdict::Race, !early, || {
                let whom = if report.pid == pid {
                    "that process itself".to_owned()
                } else {
                    format!("pid {}", report.pid)
                };
                format!("job {job} (pid {pid}) was reported by {whom} while it still ran")
            })
            .show_lines(lines)
            .at(report.location.as_ref());
        let said = status_of(report.value);
        let plan = jobs
            .iter()
            .find(|(id, _)| *id == job)
            .map(|(_, plan)| expected(plan.end));
        let is = process.and_then(|process| process.status).or(plan);
        found
            .check("status", Verdict::Wrong, early || is == Some(said), || {
                format!(
                    "job {job} (pid {pid}) {}; it was reported as one that {said}",
                    is.map_or_else(|| "was still there".to_owned(), |is| is.to_string())
                )
            })
            .at(report.location.as_ref());
    }

    let late = missed(seen, REPORTED_NAME).find(|wait| {
        let mut ends = seen.journal.named(ENDS);
        ends.any(|end| end.value as u64 == wait.object && end.seq < wait.seq)
    });
    found
        .check("order", Verdict::Race, late.is_none(), || {
            late.map_or_else(String::new, |wait| {
                format!(
                    "job {} had ended and was not reported: the main process (pid {}) slept, waiting for another one",
                    wait.object, seen.main_pid
                )
            })
        })
        .show_lines(|| story(seen, late))
        .at(where_main_waited(seen, late));

    let unheard = missed(seen, ANSWERED_NAME).next();
    found
        .check("bell", Verdict::Serial, unheard.is_none(), || {
            unheard.map_or_else(String::new, |wait| {
                format!(
                    "pid {} (job {}) rang and was not answered: the main process (pid {}) slept, waiting for something else",
                    wait.pid,
                    wait.object / 1000,
                    seen.main_pid
                )
            })
        })
        .show_lines(|| story(seen, unheard))
        .at(where_main_waited(seen, unheard));

    match seen.rest(seen.main_pid) {
        None if jobs.iter().any(|(_, plan)| plan.crowd > 0) => {
            found.skip("sleep", "the jobs did not all run at the same time");
        }
        None => {}
        Some(Rest::Undecided) => found.skip("sleep", "this machine was too busy to show it"),
        Some(rest) => {
            found.check("sleep", Verdict::Limit, rest == Rest::Asleep, || {
                format!(
                    "pid {} (main) ran again and again, {} looks found it awake, although no child had ended and nobody had rung",
                    seen.main_pid,
                    match rest {
                        Rest::Awake(looks) => looks,
                        _ => 0,
                    }
                )
            })
            .show_lines(|| rest_lines(seen, jobs.len()));
        }
    }
}

/// Waits at gates of this name that nobody could end any more. (One that was given up for want of time is not among them.)
fn missed<'e>(seen: &'e Evidence<()>, gate: &'e str) -> impl Iterator<Item = &'e Event> {
    seen.journal
        .about(gate)
        .filter(|event| event.phase == Phase::End && event.value == 0)
}

/// Where the main process's first thread waited when a gate was given up.
fn where_main_waited<'e>(seen: &'e Evidence<()>, until: Option<&Event>) -> Option<&'e grader::Place> {
    let mut waits = seen
        .journal
        .by_pid(seen.main_pid)
        .filter(|event| event.tid == event.pid && event.seq < until.map_or(0, |until| until.seq))
        .filter(|event| ["wait", "join", "wait_any", "answer"].contains(&event.name.as_str()));
    let last = waits.next_back()?;
    (last.phase == Phase::Begin).then_some(last.location.as_ref()?)
}
