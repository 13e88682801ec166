//! Checks of lesson 2.7: how many workers are planned, asked again and again while the usable cores become fewer and more.

use core_process::{Process, StartMethod, cpu_count, usable_cpus};
use grader::work::restrict_cpus;
use grader::{Draw, Evidence, Findings, Scenario, Verdict};
use serde::{Deserialize, Serialize};

/// What the workers are going to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// They compute: each keeps a core busy.
    Computes,
    /// They wait for a network or a disk, nearly all of the time.
    Waits,
}

/// Of workers that wait, so many share a core.
pub const WAITING_PER_CORE: usize = 8;

/// One call of the answer.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Question {
    kind: Kind,
    items: usize,
}

/// Some calls of the answer, by a thread that may use so many cores.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Step {
    cores: usize,
    place: Asked,
    questions: Vec<Question>,
}

/// Where the answer is called.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Asked {
    /// In the main thread.
    Here,
    /// In a second thread, which alone gets other cores.
    Thread,
    /// In a child that the main thread starts.
    Child(StartMethod),
}

/// What was answered, and what was true at that moment in that thread.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answered {
    pid: u32,
    is_main_thread: bool,
    question: Question,
    usable: usize,
    workers: usize,
}

/// What a run gives: the machine's cores, how many the process may use at most, and the answers.
#[derive(Debug, Serialize, Deserialize)]
pub struct Outcome {
    machine: usize,
    at_most: usize,
    answers: Vec<Answered>,
}

/// The situations that an answer is put into.
pub fn scenarios<A>(plan_workers: A) -> Vec<Scenario>
where
    A: Fn(Kind, usize) -> usize + Copy + Send + 'static,
{
    let act = move |input: Input| {
        restrict_cpus(usize::MAX);
        let (machine, at_most) = (cpu_count(), usable_cpus());
        let mut answers = Vec::new();
        for step in input.steps {
            if !matches!(step.place, Asked::Thread) {
                restrict_cpus(step.cores);
            }
            match step.place {
                Asked::Here => answers.extend(ask(plan_workers, step.questions)),
                Asked::Thread => {
                    let second = std::thread::spawn(move || {
                        restrict_cpus(step.cores);
                        ask(plan_workers, step.questions)
                    });
                    answers.extend(second.join().expect("the answer does not panic in a thread"));
                }
                Asked::Child(method) => {
                    let target = move |questions: Vec<Question>| ask(plan_workers, questions);
                    let child = Process::new(target, step.questions).method(method).start();
                    let child = child.expect("a process can be started");
                    answers.extend(child.join().expect("the answer does not panic in a child"));
                }
            }
        }
        Outcome {
            machine,
            at_most,
            answers,
        }
    };
    vec![Scenario::new("fewer and more cores", draw, act, judge)]
}

fn ask(plan_workers: impl Fn(Kind, usize) -> usize, questions: Vec<Question>) -> Vec<Answered> {
    let answer = |question: Question| Answered {
        pid: std::process::id(),
        is_main_thread: core_process::thread::is_main(),
        question,
        usable: usable_cpus(),
        workers: plan_workers(question.kind, question.items),
    };
    questions.into_iter().map(answer).collect()
}

/// What one run is given.
pub struct Input {
    steps: Vec<Step>,
}

fn draw(draw: &mut Draw) -> Input {
    let step = |draw: &mut Draw, place, cores| Step {
        cores,
        place,
        questions: questions(draw),
    };
    // All that there are, one, all again, one for a second thread alone, and then by chance, here and in children.
    let mut steps = vec![
        step(draw, Asked::Here, usize::MAX),
        step(draw, Asked::Here, 1),
        step(draw, Asked::Here, usize::MAX),
        step(draw, Asked::Thread, 1),
    ];
    for _ in 0..draw.size(4) {
        let methods = [StartMethod::Spawn, StartMethod::ForkServer, StartMethod::Fork];
        let method = *draw.pick(&methods);
        let place = if draw.one_in(2) {
            Asked::Child(method)
        } else {
            Asked::Here
        };
        let cores = if draw.one_in(2) {
            draw.number(1..=8) as usize
        } else {
            usize::MAX
        };
        let questions = questions(draw);
        steps.push(Step {
            cores,
            place,
            questions,
        });
    }
    Input { steps }
}

fn questions(draw: &mut Draw) -> Vec<Question> {
    let some = draw.size(1000);
    let mut questions = Vec::new();
    for kind in [Kind::Computes, Kind::Waits] {
        for items in [0, 1, 2, 3, 1_000_000, some] {
            questions.push(Question { kind, items });
        }
    }
    draw.shuffle(&mut questions);
    questions
}

fn judge(_: &Input, seen: &Evidence<Outcome>, found: &mut Findings) {
    let Some(outcome) = &seen.value else { return };
    for answer in &outcome.answers {
        judge_answer(answer, outcome, found);
    }
    if outcome.machine == 1 {
        for id in ["cores", "all"] {
            found.skip(
                id,
                "this machine has one core, so nobody can have fewer than it has",
            );
        }
    } else if outcome.at_most == 1 {
        found.skip(
            "all",
            "one core of this machine is usable here, so there can be no more and no fewer",
        );
    }
}

fn judge_answer(answer: &Answered, outcome: &Outcome, found: &mut Findings) {
    let Answered {
        question,
        usable,
        workers,
        ..
    } = *answer;
    let items = question.items.max(1);
    let shown = || {
        let until = outcome
            .answers
            .iter()
            .position(|other| std::ptr::eq(other, answer));
        let first = until.unwrap_or(0).saturating_sub(5);
        let last = until.map_or(0, |last| last + 1);
        outcome.answers[first..last]
            .iter()
            .map(|answer| line(answer, outcome))
            .collect()
    };
    let mut check = |id, verdict, held, what: &str| {
        found
            .check(id, verdict, held, || format!("{}: {what}", line(answer, outcome)))
            .show_lines(shown);
    };
    check("one", Verdict::Wrong, workers > 0, "nobody works");
    check(
        "items",
        Verdict::Limit,
        workers <= items,
        "some of them have nothing to do",
    );
    if workers == 0 || workers > items {
        // That is said; it would break the claims below a second time.
        return;
    }
    let (id_more, id_fewer, most, more, fewer) = match question.kind {
        Kind::Computes => (
            "cores",
            "all",
            usable,
            "they take turns on the cores",
            "a core stands idle",
        ),
        Kind::Waits => (
            "waits",
            "waits",
            usable * WAITING_PER_CORE,
            "that is more than WAITING_PER_CORE for each core",
            "while they wait, a core stands idle",
        ),
    };
    check(id_more, Verdict::Limit, workers <= most, more);
    check(
        id_fewer,
        Verdict::Serial,
        workers >= most.min(items) || workers > most,
        fewer,
    );
}

/// `pid 12 may use 1 of 2 cores: 2 workers planned for 3 items of work that computes`
fn line(answer: &Answered, outcome: &Outcome) -> String {
    let Answered {
        pid,
        is_main_thread,
        question,
        usable,
        workers,
    } = answer;
    let who = if *is_main_thread {
        ""
    } else {
        "a second thread of "
    };
    let work = match question.kind {
        Kind::Computes => "computes",
        Kind::Waits => "waits",
    };
    let plural = |n: usize| if n == 1 { "" } else { "s" };
    format!(
        "{who}pid {pid} may use {usable} of {} core{}: {workers} worker{} planned for {} item{} of work that {work}",
        outcome.machine,
        plural(outcome.machine),
        plural(*workers),
        question.items,
        plural(question.items),
    )
}
