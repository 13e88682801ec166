//! Checks of lesson 3.8: jobs that fail, workers that die, and the moment at which everything is done.
//!
//! The grader's tasks hold a worker where a mistake would show: in a job, and between what it does with one that failed.

use core_process::Signal;
use grader::work::{Counter, Gate, Rendezvous, die, note};
use grader::{Draw, Event, Evidence, Findings, Scenario, Verdict};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What the learner writes: lets so many workers, each in a process of its own, attempt the jobs, and calls [`all_done`] when every job
/// is done or given up.
pub type Answer = fn(jobs: Vec<Job>, workers: usize);

/// So often a job is attempted at most.
pub const TRIES: u64 = 3;

/// A job: a value of the queue.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its number, from 0.
    pub number: u32,
    fate: Fate,
    part: Part,
}

/// An attempt that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed;

/// What becomes of the attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Fate {
    /// The first so many fail.
    Fails(u64),
    /// In the first so many the worker is killed.
    Kills(u64),
}

/// Where a worker is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Part {
    /// Nowhere.
    Free,
    /// In the first attempt, until so many workers are in one.
    WithAll(u32),
    /// In the first attempt, until all is said to be done, or nobody can say it any more.
    Long,
    /// When the job has failed and is put again: as above.
    PutSlowly,
}

/// What one run is given.
#[derive(Clone, Debug)]
pub struct Input {
    jobs: Vec<Job>,
    workers: usize,
}

const TOGETHER: Rendezvous = Rendezvous::named("all workers attempt");
const SAID: Gate = Gate::named("all is said to be done");
const ATTEMPTS: Counter = Counter::named("attempts of job");

/// From then on a job succeeds, so that an answer without a limit comes to an end.
const ENOUGH: u64 = 6;

const ALL_DONE: &str = "all done";
const PUT_AGAIN: &str = "put again";

// ---- what a worker does

/// Attempts a job. Call it in a worker's process, at most three times for each job, the attempts counted in which a worker was killed.
///
/// # Errors
/// [`Failed`]: it has to be attempted again, by whichever worker, or given up.
pub fn attempt(job: &Job) -> Result<(), Failed> {
    let number = ATTEMPTS.number(job.number.into()).fetch_add(1) + 1;
    note("attempts", job.number.into());
    match job.part {
        Part::WithAll(parties) if number == 1 => {
            TOGETHER.meet(parties);
        }
        Part::Long if number == 1 => {
            SAID.wait();
        }
        _ => {}
    }
    match job.fate {
        Fate::Fails(times) if number <= times.min(ENOUGH) => {
            note("failed", job.number.into());
            Err(Failed)
        }
        Fate::Kills(times) if number <= times => {
            note("killed", job.number.into());
            die(Signal::KILL)
        }
        _ => {
            note("succeeded", job.number.into());
            Ok(())
        }
    }
}

/// Gives a job up. Call it in a worker's process, when its third attempt has failed, or the worker was killed in it.
pub fn give_up(job: &Job) {
    note("given up", job.number.into());
}

impl Serialize for Job {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let again = ATTEMPTS.number(self.number.into()).value() > 0;
        if again && !core_process::is_main() {
            if self.part == Part::PutSlowly {
                SAID.wait();
            }
            note(PUT_AGAIN, self.number.into());
        }
        (self.number, self.fate, self.part).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Job {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (number, fate, part) = Deserialize::deserialize(deserializer)?;
        Ok(Job { number, fate, part })
    }
}

// ---- what the main process does

/// Says that every job is done or given up. Call it in the main process, once, as soon as you know it.
pub fn all_done() {
    note(ALL_DONE, 0);
    SAID.open();
}

// ---- the scenarios

/// The situations that an answer is put into.
pub fn scenarios(run: Answer) -> Vec<Scenario> {
    let act = move |input: Input| run(input.jobs, input.workers);
    vec![
        Scenario::new("all work together", draw_together, act, judge),
        Scenario::new("long jobs", draw_long, act, judge),
        Scenario::new("one job that fails", draw_one, act, judge),
        Scenario::new("jobs that fail", draw_failures, act, judge),
        Scenario::new("a worker is killed", draw_death, act, judge),
        Scenario::new("a job that kills", draw_killer, act, judge),
        Scenario::new("jobs of any number", draw_sizes, act, judge),
    ]
}

fn input(draw: &mut Draw, workers: usize, mut kinds: Vec<(Fate, Part)>) -> Input {
    draw.shuffle(&mut kinds);
    let jobs = (0..)
        .zip(kinds)
        .map(|(number, (fate, part))| Job { number, fate, part });
    Input {
        jobs: jobs.collect(),
        workers,
    }
}

const DONE: (Fate, Part) = (Fate::Fails(0), Part::Free);

fn draw_together(draw: &mut Draw) -> Input {
    let workers = draw.size_in(2..=4);
    let mut kinds = vec![(Fate::Fails(0), Part::WithAll(workers as u32)); workers];
    kinds.extend(vec![DONE; draw.size(4)]);
    input(draw, workers, kinds)
}

/// Each is held, so the one that is got last is held, too.
fn draw_long(draw: &mut Draw) -> Input {
    let workers = draw.size_in(1..=3);
    let jobs = draw.size_in(1..=3);
    input(draw, workers, vec![(Fate::Fails(0), Part::Long); jobs])
}

/// When it has failed, it is all that is left.
fn draw_one(draw: &mut Draw) -> Input {
    let workers = draw.size_in(1..=3);
    input(draw, workers, vec![(Fate::Fails(1), Part::PutSlowly)])
}

/// One that succeeds at its second attempt, one that never does.
fn draw_failures(draw: &mut Draw) -> Input {
    let workers = draw.size_in(1..=3);
    let mut kinds = vec![(Fate::Fails(1), Part::Free), (Fate::Fails(9), Part::Free)];
    let more = draw.size(4);
    kinds.extend(draw.list(more, |draw| (Fate::Fails(draw.number(0..=4)), Part::Free)));
    input(draw, workers, kinds)
}

fn draw_death(draw: &mut Draw) -> Input {
    let workers = draw.size_in(2..=4);
    let kills = draw.number(1..=2);
    let mut kinds = vec![(Fate::Kills(kills.min(workers as u64 - 1)), Part::Free)];
    kinds.extend(vec![DONE; draw.size(6)]);
    input(draw, workers, kinds)
}

/// Three workers are killed by it, and the fourth and the fifth are let live.
fn draw_killer(draw: &mut Draw) -> Input {
    let mut kinds = vec![(Fate::Kills(TRIES), Part::Free)];
    kinds.extend(vec![DONE; draw.size(6)]);
    input(draw, 5, kinds)
}

fn draw_sizes(draw: &mut Draw) -> Input {
    let workers = draw.size_in(1..=4);
    let count = draw.size(30);
    let kinds = draw.list(count, |draw| {
        (Fate::Fails(*draw.pick(&[0, 0, 0, 1, 2, 3, 9])), Part::Free)
    });
    input(draw, workers, kinds)
}

// ---- what was seen

type Seen = Evidence<()>;

/// The notes of this name about a job.
fn notes<'a>(seen: &'a Seen, name: &'a str, job: u32) -> impl DoubleEndedIterator<Item = &'a Event> + Clone {
    seen.journal
        .named(name)
        .filter(move |event| event.value == i64::from(job))
}

fn judge(input: &Input, seen: &Seen, found: &mut Findings) {
    let here = seen
        .journal
        .named("attempts")
        .find(|event| event.pid == seen.main_pid);
    found
        .check("processes", Verdict::NotAProcess, here.is_none(), || {
            let job = here.map_or(0, |event| event.value);
            format!(
                "job {job} was attempted in the main process (pid {})",
                seen.main_pid
            )
        })
        .show_lines(|| story(seen, None));

    let attempts = |job: u32| notes(seen, "attempts", job).count() as u64;
    let too_often = input.jobs.iter().find(|job| attempts(job.number) > TRIES);
    found
        .check("tries", Verdict::Limit, too_often.is_none(), || {
            let job = too_often.map_or(0, |job| job.number);
            let killed = match notes(seen, "killed", job).count() {
                0 => String::new(),
                killed => format!(", in {killed} of which the worker was killed"),
            };
            format!(
                "job {job} was attempted {} times{killed}; {TRIES} are allowed",
                attempts(job)
            )
        })
        .show_lines(|| story(seen, too_often.map(|job| job.number)));

    judge_end(seen, found);

    let meetings = seen.meetings("all workers attempt");
    found
        .overlap("together", meetings, || {
            format!(
                "{} workers were to attempt jobs at the same time, and {} attempts waited for others, which did not come",
                input.workers, meetings.missed
            )
        })
        .show_lines(|| story(seen, None));

    judge_each(input, seen, found);
}

/// Whether all was said to be done when it was.
fn judge_end(seen: &Seen, found: &mut Findings) {
    let said = seen.journal.named(ALL_DONE).next();
    let at = said.map_or(u64::MAX, |event| event.seq);
    let late = seen.journal.events().iter().find(|event| {
        event.seq > at
            && ["attempts", "failed", "succeeded", "given up", PUT_AGAIN].contains(&event.name.as_str())
    });
    found
        .check("end", Verdict::Race, late.is_none(), || {
            let job = late.map_or(0, |event| event.value as u32);
            let pid = late.map_or(0, |event| event.pid);
            let before = notes(seen, "attempts", job)
                .filter(|event| event.seq < at)
                .count();
            let was = match before {
                0 => "had not been attempted".to_owned(),
                _ if notes(seen, "failed", job).any(|event| event.seq < at) => {
                    "had failed and was to be attempted again".to_owned()
                }
                _ => format!("was still in the hands of pid {pid}"),
            };
            format!("all was said to be done while job {job} {was}")
        })
        .show_lines(|| story(seen, late.map(|event| event.value as u32)));
    let times = seen.journal.named(ALL_DONE).count();
    found
        .check("end", Verdict::Wrong, times == 1, || {
            format!("it was said {times} times that all is done; once is right")
        })
        .show_lines(|| story(seen, None));
}

/// Whether each job came to its end.
fn judge_each(input: &Input, seen: &Seen, found: &mut Findings) {
    for job in &input.jobs {
        let count = |name| notes(seen, name, job.number).count() as u64;
        let (attempts, done, given_up) = (count("attempts"), count("succeeded"), count("given up"));
        let fails = match job.fate {
            Fate::Fails(times) | Fate::Kills(times) => times,
        };
        let is_lost = fails >= TRIES;
        let right = if is_lost { (TRIES, 0, 1) } else { (fails + 1, 1, 0) };
        found
            .check(
                "each",
                Verdict::Wrong,
                (attempts, done, given_up) == right,
                || {
                    let should = if is_lost {
                        "it should be attempted 3 times and given up".to_owned()
                    } else {
                        format!("it should be done in its attempt {}", fails + 1)
                    };
                    let ends = match (done, given_up) {
                        (0, 0) => "neither done nor given up".to_owned(),
                        (done, 0) => format!("done {}", times(done)),
                        (0, given_up) => format!("given up {}", times(given_up)),
                        (done, given_up) => format!("done {} and given up {}", times(done), times(given_up)),
                    };
                    format!(
                        "job {} was attempted {} and {ends}; {should}",
                        job.number,
                        times(attempts)
                    )
                },
            )
            .show_lines(|| story(seen, Some(job.number)));
    }
}

fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

/// What was done with a job, or with all, in order, and how the workers' processes ended.
fn story(seen: &Seen, job: Option<u32>) -> Vec<String> {
    const MOST: usize = 18;
    let mut told: Vec<(u64, u8, String)> = Vec::new();
    for event in seen.journal.events() {
        let number = event.value;
        let does = match event.name.as_str() {
            "attempts" => format!("attempts job {number}"),
            "failed" => format!("fails in job {number}"),
            "succeeded" => format!("has done job {number}"),
            "given up" => format!("gives up job {number}"),
            PUT_AGAIN => format!("puts job {number} again"),
            "killed" => format!("is killed in job {number}"),
            ALL_DONE => "(main) says that all is done".to_owned(),
            _ => continue,
        };
        if event.name == ALL_DONE || job.is_none_or(|job| number == i64::from(job)) {
            told.push((event.seq, 1, format!("pid {} {does}", event.pid)));
        }
    }
    for process in seen.descendants() {
        if let (Some(at), Some(status)) = (process.ended_at, process.status) {
            told.push((at, 0, format!("pid {} {status}", process.pid)));
        }
    }
    told.sort_by_key(|(at, rank, _)| (*at, *rank));
    let skipped = told.len().saturating_sub(MOST);
    let mut lines: Vec<String> = told.into_iter().map(|(_, _, line)| line).take(MOST).collect();
    if skipped > 0 {
        lines.push(format!("({skipped} later lines)"));
    }
    lines
}
