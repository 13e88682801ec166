//! Checks of lesson 3.1: a task is called in a process of its own, and whatever becomes of it comes home.
//!
//! The grader's `task` returns, refuses, panics, exits or is killed, as its job says; the answer does not know which before.

use core_process::Signal;
use grader::work::{die, note};
use grader::{Draw, Evidence, Findings, Scenario, Verdict};
use serde::{Deserialize, Serialize};

/// What the learner writes: calls [`task`] in a process of its own.
pub type Answer = fn(job: Job) -> Result<Report, Failure>;

/// A job for the task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    number: usize,
    fate: Fate,
}

/// What becomes of a job.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Fate {
    Returns { count: u64, len: usize },
    Refuses(String),
    Panics(String),
    Exits(i32),
    Dies(Signal),
}

/// What the task returns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Something that was counted.
    pub count: u64,
    /// Something that was made, of any length.
    pub bytes: Vec<u8>,
}

/// Why there is no report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// The task returned this error.
    Refused(String),
    /// The task panicked with this message.
    Panicked(String),
    /// The process was ended by the signal of this number.
    Killed(i32),
    /// The process ended with this exit code, and the task had not returned.
    Exited(i32),
}

/// The task. Call it in a process of its own.
///
/// # Errors
/// As the job wants it.
pub fn task(job: Job) -> Result<Report, String> {
    note("task", job.number as i64);
    match job.fate {
        Fate::Returns { count, len } => Ok(Report {
            count,
            bytes: pattern(len),
        }),
        Fate::Refuses(why) => Err(why),
        Fate::Panics(why) => panic!("{why}"),
        Fate::Exits(code) => core_process::exit(code),
        Fate::Dies(signal) => die(signal),
    }
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at ^ (at >> 7)) as u8).collect()
}

// ---- the scenarios

/// What one run is given: jobs that are called one after the other.
#[derive(Clone, Debug)]
pub struct Input {
    jobs: Vec<Job>,
}

/// What came home; the bytes themselves stay where they were compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Home {
    /// A report.
    Report {
        /// Its count.
        count: u64,
        /// The length of its bytes.
        len: usize,
        /// Whether they are those that the task made.
        intact: bool,
    },
    /// No report.
    Failure(Failure),
}

impl Home {
    fn of(result: Result<Report, Failure>) -> Self {
        match result {
            Ok(report) => Self::Report {
                count: report.count,
                len: report.bytes.len(),
                intact: report.bytes == pattern(report.bytes.len()),
            },
            Err(failure) => Self::Failure(failure),
        }
    }

    /// What has to come home.
    fn expected(fate: &Fate) -> Self {
        match fate {
            Fate::Returns { count, len } => Self::Report {
                count: *count,
                len: *len,
                intact: true,
            },
            Fate::Refuses(why) => Self::Failure(Failure::Refused(why.clone())),
            Fate::Panics(why) => Self::Failure(Failure::Panicked(why.clone())),
            Fate::Exits(code) => Self::Failure(Failure::Exited(*code)),
            Fate::Dies(signal) => Self::Failure(Failure::Killed(signal.number())),
        }
    }
}

impl std::fmt::Display for Home {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Report { count, len, intact } => {
                let what = if *intact {
                    ""
                } else {
                    ", and not those that it made"
                };
                write!(f, "a report with the count {count} and {len} bytes{what}")
            }
            Self::Failure(Failure::Killed(number)) => match Signal::new(*number) {
                Some(signal) => write!(f, "Killed({number}), which is {signal}"),
                None => write!(f, "Killed({number})"),
            },
            Self::Failure(failure) => write!(f, "{failure:?}"),
        }
    }
}

/// The situations that an answer is put into.
pub fn scenarios(call: Answer) -> Vec<Scenario> {
    let act = move |input: Input| {
        let results = input.jobs.into_iter().map(|job| Home::of(call(job)));
        results.collect::<Vec<Home>>()
    };
    vec![
        Scenario::new("numbers", draw_numbers, act, judge),
        Scenario::new("sizes", draw_sizes, act, judge),
        Scenario::new("errors", draw_errors, act, judge),
        Scenario::new("panics", draw_panics, act, judge),
        Scenario::new("deaths", draw_deaths, act, judge),
    ]
}

fn input(fates: Vec<Fate>) -> Input {
    let jobs = fates.into_iter().enumerate();
    Input {
        jobs: jobs.map(|(number, fate)| Job { number, fate }).collect(),
    }
}

/// Counts that fit into an exit code, and one that does not.
fn draw_numbers(draw: &mut Draw) -> Input {
    let mut counts = vec![0, 300, draw.number(0..=255), draw.number(256..=1 << 40)];
    draw.shuffle(&mut counts);
    let returns = |count| Fate::Returns { count, len: 3 };
    input(counts.into_iter().map(returns).collect())
}

/// From nothing to 8 MiB; one is always large.
fn draw_sizes(draw: &mut Draw) -> Input {
    const MOST: usize = 8 << 20;
    let mut lens = vec![draw.size(MOST), draw.size_in(MOST / 2..=MOST)];
    draw.shuffle(&mut lens);
    let returns = |len| Fate::Returns { count: 7, len };
    input(lens.into_iter().map(returns).collect())
}

fn words(draw: &mut Draw) -> String {
    const WORDS: [&str; 6] = ["no", "such", "file", "in", "stock", "щит"];
    let count = draw.size_in(1..=40);
    let words: Vec<&str> = (0..count).map(|_| *draw.pick(&WORDS)).collect();
    words.join(" ")
}

fn draw_errors(draw: &mut Draw) -> Input {
    let fates = vec![
        Fate::Refuses(words(draw)),
        Fate::Returns { count: 1, len: 10 },
        Fate::Refuses(String::new()),
    ];
    input(fates)
}

fn draw_panics(draw: &mut Draw) -> Input {
    let fates = vec![Fate::Panics(words(draw)), Fate::Returns { count: 2, len: 10 }];
    input(fates)
}

fn draw_deaths(draw: &mut Draw) -> Input {
    let signals = [Signal::KILL, Signal::TERM, Signal::ABRT, Signal::HUP];
    let mut fates = vec![
        Fate::Dies(Signal::KILL),
        Fate::Dies(*draw.pick(&signals)),
        Fate::Exits(0),
        Fate::Exits(draw.number(1..=255) as i32),
        Fate::Returns { count: 3, len: 10 },
    ];
    draw.shuffle(&mut fates);
    input(fates)
}

// ---- the judge

fn judge(input: &Input, seen: &Evidence<Vec<Home>>, found: &mut Findings) {
    let calls = |job: &Job| {
        let number = job.number as i64;
        seen.journal
            .named("task")
            .filter(move |event| event.value == number)
    };
    let line = |job: &Job, home: Option<&Home>| {
        let pid = calls(job).next().map_or(0, |event| event.pid);
        let what = match &job.fate {
            Fate::Returns { count, len } => format!("returns the count {count} and {len} bytes"),
            Fate::Refuses(why) => format!("returns the error {why:?}"),
            Fate::Panics(why) => format!("panics with {why:?}"),
            Fate::Exits(code) => format!("leaves by exit({code})"),
            Fate::Dies(signal) => format!("is killed by {signal}"),
        };
        let status = seen
            .process(pid)
            .filter(|_| pid != seen.main_pid)
            .and_then(|process| process.status);
        let status = status.map_or_else(String::new, |status| format!(" (the process {status})"));
        let home = home.map_or_else(String::new, |home| format!("; home comes {home}"));
        format!("job {} (pid {pid}) {what}{status}{home}", job.number + 1)
    };
    let story = || {
        let homes = seen
            .value
            .iter()
            .flatten()
            .map(Some)
            .chain(std::iter::repeat(None));
        input
            .jobs
            .iter()
            .zip(homes)
            .map(|(job, home)| line(job, home))
            .collect::<Vec<_>>()
    };
    let here = seen
        .journal
        .named("task")
        .find(|event| event.pid == seen.main_pid);
    found
        .check("process", Verdict::NotAProcess, here.is_none(), || {
            format!("the task was called in the main process (pid {})", seen.main_pid)
        })
        .show_lines(story);
    let Some(homes) = &seen.value else { return };
    for (job, home) in input.jobs.iter().zip(homes) {
        let times = calls(job).count();
        found
            .check("once", Verdict::Wrong, times == 1, || {
                format!(
                    "the task was called {times} times for job {}, and once is asked for",
                    job.number + 1
                )
            })
            .show_lines(story);
        let id = match job.fate {
            Fate::Returns { .. } => "value",
            Fate::Refuses(_) => "error",
            Fate::Panics(_) => "panic",
            Fate::Exits(_) | Fate::Dies(_) => "death",
        };
        let expected = Home::expected(&job.fate);
        found
            .check(id, Verdict::Wrong, *home == expected, || {
                format!("{}, and not {expected}", line(job, Some(home)))
            })
            .show_lines(story);
    }
}
