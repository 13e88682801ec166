//! Checks of lesson 2.5: who runs under a name, asked again and again while children end.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;

use core_process::{Process, StartMethod, Status};
use grader::work::{Counter, Gate, await_end_of_child, note};
use grader::{Draw, Event, Evidence, Findings, Phase, Scenario, Source, Verdict};
use serde::{Deserialize, Serialize};

/// What the learner writes: starts the jobs, each under its name, answers every question of [`next_question`] by the pids of the
/// children that run under that name, and leaves no child behind.
pub type Answer = fn(jobs: Vec<Job>) -> Vec<Vec<u32>>;

/// One job: an argument for [`work`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// Its number.
    pub id: u64,
    /// The name to start its process under; others may have the same.
    pub name: String,
    habit: Habit,
}

/// What a job does besides running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Habit {
    Nothing,
    /// It gives itself another name, of which its parent does not learn.
    RenamesItself,
    /// It has a child of its own, under its own name.
    HasAChild,
}

/// Opened by each job that has begun.
const BEGUN: Gate = Gate::named("begun");
/// Opened for a job that is to end.
const END: Gate = Gate::named("end");
/// The pid of each job.
const PID: Counter = Counter::named("pid");

/// Four names that are alike, one that is not, and one that nobody is started under.
const NAMES: [&str; 4] = [
    "recorder-north-1",
    "recorder-north-2",
    "recorder-north-12",
    "relay",
];
const ALIAS: &str = "understudy";

/// The work of one job: runs until it is told to end. Pass it to `Process::new`.
pub fn work(job: Job) {
    note("begun", job.id as i64);
    let below = match job.habit {
        Habit::Nothing => None,
        Habit::RenamesItself => {
            core_process::rename(ALIAS);
            None
        }
        Habit::HasAChild => {
            let recipe = Process::new(work_below, job.id)
                .name(&job.name)
                .method(StartMethod::Fork);
            Some(recipe.start().expect("a process can be started"))
        }
    };
    PID.number(job.id).fetch_add(u64::from(std::process::id()));
    BEGUN.number(job.id).open();
    END.number(job.id).wait();
    if let Some(below) = below {
        below.kill().expect("it is our child");
        below.wait().expect("it is our child");
    }
    note("ended", job.id as i64);
}

fn work_below(id: u64) {
    note("begun_below", id as i64);
    loop {
        std::thread::park();
    }
}

/// What is asked, and who is to end before it.
#[derive(Clone, Debug)]
struct Step {
    ends: Vec<u64>,
    name: &'static str,
}

/// The questions that are left, in the process of the answer.
static SCRIPT: Mutex<Option<Script>> = Mutex::new(None);

struct Script {
    jobs: Vec<u64>,
    steps: VecDeque<Step>,
    asked: i64,
}

/// The next name that is asked for; `None` when there are no more questions, and all children have been told to end.
///
/// Between two questions children may end.
pub fn next_question() -> Option<String> {
    let mut script = SCRIPT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let script = script.as_mut().expect("questions are asked inside of `serve`");
    if script.asked == 0 {
        for job in &script.jobs {
            BEGUN.number(*job).wait();
        }
    }
    let Some(step) = script.steps.pop_front() else {
        note("no_more_questions", script.asked);
        for job in &script.jobs {
            END.number(*job).open();
        }
        return None;
    };
    for job in &step.ends {
        END.number(*job).open();
        await_end_of_child(PID.number(*job).value() as u32);
    }
    note("question", script.asked);
    script.asked += 1;
    Some(step.name.to_owned())
}

/// The situations that an answer is put into.
pub fn scenarios(serve: Answer) -> Vec<Scenario> {
    let act = move |input: Input| {
        *SCRIPT.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(Script {
            jobs: input.jobs.iter().map(|job| job.id).collect(),
            steps: input.steps.into(),
            asked: 0,
        });
        serve(input.jobs)
    };
    vec![Scenario::new("questions", draw, act, judge)]
}

/// What one run is given.
pub struct Input {
    jobs: Vec<Job>,
    steps: Vec<Step>,
}

fn draw(draw: &mut Draw) -> Input {
    let habits = [Habit::Nothing, Habit::RenamesItself, Habit::HasAChild];
    let count = draw.size(6);
    let jobs: Vec<Job> = (0..count)
        .map(|place| Job {
            id: place as u64 + 1,
            // With six jobs and four names somebody has a namesake, and there is one of every habit.
            name: NAMES[if place == 0 {
                0
            } else {
                draw.number(0..=3) as usize
            }]
            .to_owned(),
            habit: if place < 3 {
                habits[place]
            } else {
                *draw.pick(&habits)
            },
        })
        .collect();
    let mut alive: Vec<u64> = jobs.iter().map(|job| job.id).collect();
    let mut steps = Vec::new();
    for round in 0..3 {
        let mut ends = Vec::new();
        if round > 0 && !alive.is_empty() {
            draw.shuffle(&mut alive);
            // Half of them at most, so that somebody is left at the end, unless there was one alone.
            let count = draw.number(1..=(alive.len() as u64 / 2).max(1)) as usize;
            ends = alive.split_off(alive.len() - count);
        }
        let mut names = NAMES.to_vec();
        names.push(ALIAS);
        draw.shuffle(&mut names);
        for name in names {
            steps.push(Step {
                ends: std::mem::take(&mut ends),
                name,
            });
        }
    }
    Input { jobs, steps }
}

type Seen = Evidence<Vec<Vec<u32>>>;

fn judge(input: &Input, seen: &Seen, found: &mut Findings) {
    if seen.gate("end").undecided + seen.gate("begun").undecided > 0 {
        for id in ["started", "prompt", "all", "only"] {
            found.skip(id, "this machine was too busy to show it");
        }
        return;
    }
    judge_starts(input, seen, found);
    judge_ends(input, seen, found);
    judge_waits(seen, found);
    if let Some(answers) = &seen.value {
        judge_answers(input, answers, seen, found);
    }
}

fn judge_starts(input: &Input, seen: &Seen, found: &mut Findings) {
    let begun: Vec<&Event> = seen.journal.named("begun").collect();
    let mut ids: Vec<i64> = begun.iter().map(|event| event.value).collect();
    ids.sort_unstable();
    let all: Vec<i64> = input.jobs.iter().map(|job| job.id as i64).collect();
    let here = begun.iter().find(|event| event.pid == seen.main_pid);
    let verdict = if here.is_some() {
        Verdict::NotAProcess
    } else {
        Verdict::Wrong
    };
    found
        .check("started", verdict, here.is_none() && ids == all, || match here {
            Some(event) => format!("job {} ran in the main process (pid {})", event.value, event.pid),
            None => format!("the jobs {all:?} were to be started once each; those that ran: {ids:?}"),
        })
        .show(begun.iter().copied());
}

/// Whether jobs ran until they were told to end, and ended by themselves then.
fn judge_ends(input: &Input, seen: &Seen, found: &mut Findings) {
    let moment = Moment::first(input, seen);
    let is_job = |object: u64| moment.pids.values().any(|pid| u64::from(*pid) == object);
    let signal = |event: &&Event| {
        event.source == Source::Library
            && event.name == "signal"
            && event.pid == seen.main_pid
            && is_job(event.object)
    };
    let signalled = seen.journal.events().iter().find(signal);
    let broken = moment.pids.iter().find_map(|(job, pid)| {
        let status = seen.process(*pid as i32)?.status?;
        matches!(status, Status::Exited(code) if code != 0).then_some((job, pid, status))
    });
    found
        .check(
            "untouched",
            Verdict::Wrong,
            signalled.is_none() && broken.is_none(),
            || match (signalled, broken) {
                (Some(event), _) => format!(
                    "pid {} (main) sent signal {} to pid {}; a child ends by itself when it is told to",
                    event.pid, event.value, event.object
                ),
                (None, Some((job, pid, status))) => format!(
                    "job {job} (pid {pid}) {status} before it was told to end{}",
                    match seen.stderr.lines().find(|line| line.contains("daemon")) {
                        Some(line) => format!(": {}", line.trim()),
                        None => String::new(),
                    }
                ),
                (None, None) => String::new(),
            },
        )
        .show_lines(|| moment.family())
        .at(signalled.and_then(|event| event.location.as_ref()));
}

/// Whether somebody waited for the end of a job that had not been told to end, and would never have been.
fn judge_waits(seen: &Seen, found: &mut Findings) {
    let gave_up = |event: &&Event| event.name == "gate" && event.phase == Phase::End && event.value == 0;
    let stuck = seen.journal.about("end").find(gave_up);
    // What the main process did last before the first job gave up; a wait, if it is that which nobody would have ended.
    let wait = stuck.and_then(|stuck| {
        let of_main = |event: &&Event| event.pid == seen.main_pid && event.seq < stuck.seq;
        let last = seen.journal.events().iter().rfind(of_main)?;
        (last.source == Source::Library && last.phase == Phase::Begin).then_some(last)
    });
    found
        .check("prompt", Verdict::Hang, stuck.is_none(), || match wait {
            Some(event) => format!(
                "pid {} (main) waits for pid {} to end before it answers; pid {} ends when it is told to, after the answer",
                event.pid, event.object, event.object
            ),
            None => format!(
                "pid {} (main) sleeps before it answers, and nobody is left who would wake it",
                seen.main_pid
            ),
        })
        .show_lines(|| {
            let until = stuck.map_or(0, |stuck| stuck.seq);
            let of_main = |event: &&Event| event.pid == seen.main_pid && event.seq < until;
            let asks = |event: &&Event| event.name == "question" || event.source == Source::Library;
            grader::lines(seen.journal.events().iter().filter(of_main).filter(asks))
        })
        .at(wait.and_then(|event| event.location.as_ref()));
}

fn judge_answers(input: &Input, answers: &[Vec<u32>], seen: &Seen, found: &mut Findings) {
    let mut moment = Moment::first(input, seen);
    for (number, step) in input.steps.iter().enumerate() {
        moment.ended.extend(&step.ends);
        let question = format!("question {number} (who runs under the name {:?}?)", step.name);
        let Some(answer) = answers.get(number) else {
            found.check("all", Verdict::Wrong, false, || {
                format!("{question} has no answer")
            });
            return;
        };
        let runs = moment.runs(step.name);
        let missing = runs.iter().find(|pid| !answer.contains(pid));
        found
            .check("all", Verdict::Wrong, missing.is_none(), || {
                let pid = missing.copied().unwrap_or_default();
                format!(
                    "{question}: {} run, {runs:?}; the answer was {answer:?}, without pid {pid}",
                    runs.len()
                )
            })
            .show_lines(|| moment.family());
        let mut named = BTreeSet::new();
        let extra = answer
            .iter()
            .find(|pid| !runs.contains(pid) || !named.insert(**pid));
        found
            .check("only", Verdict::Wrong, extra.is_none(), || {
                let pid = extra.copied().unwrap_or_default();
                format!(
                    "{question}: the answer was {answer:?}; pid {pid} {}",
                    moment.who_is(pid)
                )
            })
            .show_lines(|| moment.family());
    }
    found.check("only", Verdict::Wrong, answers.len() == input.steps.len(), || {
        format!(
            "{} questions were asked, {} answers were given",
            input.steps.len(),
            answers.len()
        )
    });
}

/// Who is who when a question is asked.
struct Moment<'a> {
    input: &'a Input,
    seen: &'a Seen,
    /// The processes of the jobs, by the kernel's account.
    pids: BTreeMap<u64, u32>,
    /// Jobs that have ended.
    ended: BTreeSet<u64>,
}

impl<'a> Moment<'a> {
    fn first(input: &'a Input, seen: &'a Seen) -> Moment<'a> {
        let begun = seen.journal.named("begun");
        Moment {
            input,
            seen,
            pids: begun
                .map(|event| (event.value as u64, event.pid as u32))
                .collect(),
            ended: BTreeSet::new(),
        }
    }

    /// The pids that are the right answer.
    fn runs(&self, name: &str) -> BTreeSet<u32> {
        let jobs = self.input.jobs.iter();
        jobs.filter(|job| job.name == name && !self.ended.contains(&job.id))
            .filter_map(|job| self.pids.get(&job.id).copied())
            .collect()
    }

    /// Why a pid has no place in an answer.
    fn who_is(&self, pid: u32) -> String {
        let is_of = |job: &&Job| self.pids.get(&job.id) == Some(&pid);
        match self.input.jobs.iter().find(is_of) {
            Some(job) if self.ended.contains(&job.id) => format!("(job {}) had ended by then", job.id),
            Some(job) => format!(
                "is job {}, which was started under the name {:?}",
                job.id, job.name
            ),
            None if self.seen.main_pid as u32 == pid => "is the main process".to_owned(),
            None => match self.seen.process(pid as i32) {
                Some(process) => format!("is a child of pid {}, not of the main process", process.ppid),
                None => "is no process of this program".to_owned(),
            },
        }
    }

    /// The processes, as lines for people.
    fn family(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for job in &self.input.jobs {
            let Some(pid) = self.pids.get(&job.id) else {
                continue;
            };
            let state = if self.ended.contains(&job.id) {
                "has ended"
            } else {
                "runs"
            };
            let itself = match job.habit {
                Habit::RenamesItself => format!(", calls itself {ALIAS:?}"),
                Habit::Nothing | Habit::HasAChild => String::new(),
            };
            lines.push(format!(
                "pid {pid} (job {}) {:?} {state}{itself}",
                job.id, job.name
            ));
            for below in self.seen.children_of(*pid as i32) {
                lines.push(format!(
                    "pid {} is a child of pid {pid}, under the same name",
                    below.pid
                ));
            }
        }
        lines
    }
}
