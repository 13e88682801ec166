//! Squares by processes that must run at the same time: WRONG, NOT_A_PROCESS, SERIAL.

use std::time::Duration;

use core_process::{Child, Process, StartMethod};
use grader::work::{Gauge, Rendezvous};
use grader::{Draw, Evidence, Findings, Scenario, Verdict};
use serde::{Deserialize, Serialize};

type Answer = fn(Vec<Task>) -> Vec<u64>;

/// One task: it squares `n` while its peer is inside too.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Task {
    n: u64,
    /// The two tasks of a pair meet; `None` runs alone.
    pair: Option<u64>,
}

fn square(task: Task) -> u64 {
    let _inside = Gauge::named("tasks").enter();
    if let Some(pair) = task.pair {
        Rendezvous::named("tasks").number(pair).meet(2);
    }
    task.n * task.n
}

pub fn of(answer: Answer) -> Vec<Scenario> {
    vec![Scenario::new("squares", draw, answer, judge)]
}

fn draw(draw: &mut Draw) -> Vec<Task> {
    let len = draw.size(7);
    let numbers = draw.list(len, |draw| draw.number(0..=1000));
    let task = |(place, n)| Task {
        n,
        pair: (place < len / 2 * 2).then_some(place as u64 / 2),
    };
    numbers.into_iter().enumerate().map(task).collect()
}

fn judge(input: &Vec<Task>, seen: &Evidence<Vec<u64>>, found: &mut Findings) {
    let expected: Vec<u64> = input.iter().map(|task| task.n * task.n).collect();
    found.check(
        "results",
        Verdict::Wrong,
        seen.value.as_ref() == Some(&expected),
        || format!("expected {expected:?}, observed {:?}", seen.value),
    );
    let tasks = seen.gauge("tasks");
    found.check(
        "process",
        Verdict::NotAProcess,
        !tasks.pids.contains(&seen.main_pid),
        || format!("pid {} (main) ran a task itself", seen.main_pid),
    );
    let meetings = seen.meetings("tasks");
    found
        .overlap("overlap", meetings, || {
            format!("{} of {} tasks ran alone", meetings.missed, input.len())
        })
        .show(seen.journal.named("meet"));
}

pub fn stub(_tasks: Vec<Task>) -> Vec<u64> {
    Vec::new()
}

fn joined(children: Vec<Child<u64>>) -> Vec<u64> {
    children.iter().map(|child| child.join().unwrap()).collect()
}

fn started(tasks: Vec<Task>, method: StartMethod) -> Vec<u64> {
    joined(
        tasks
            .into_iter()
            .map(|task| Process::new(square, task).method(method).start().unwrap())
            .collect(),
    )
}

pub fn all_at_once(tasks: Vec<Task>) -> Vec<u64> {
    started(tasks, StartMethod::Spawn)
}

pub fn by_forkserver(tasks: Vec<Task>) -> Vec<u64> {
    started(tasks, StartMethod::ForkServer)
}

pub fn by_fork(tasks: Vec<Task>) -> Vec<u64> {
    started(tasks, StartMethod::Fork)
}

/// Right, though it dawdles between two starts: the first task waits in its meeting for longer than a hang's first suspicion.
pub fn slow_to_start(tasks: Vec<Task>) -> Vec<u64> {
    let start = |task| {
        std::thread::sleep(Duration::from_millis(20));
        Process::new(square, task).start().unwrap()
    };
    joined(tasks.into_iter().map(start).collect())
}

pub fn off_by_one(tasks: Vec<Task>) -> Vec<u64> {
    all_at_once(tasks).into_iter().map(|square| square + 1).collect()
}

pub fn one_by_one(tasks: Vec<Task>) -> Vec<u64> {
    tasks
        .into_iter()
        .map(|task| Process::new(square, task).start().unwrap().join().unwrap())
        .collect()
}

/// As `one_by_one`, but it never sleeps for good: it asks again and again.
pub fn one_by_one_polling(tasks: Vec<Task>) -> Vec<u64> {
    let run = |task| {
        let child = Process::new(square, task).start().unwrap();
        loop {
            if let Some(result) = child.try_join() {
                return result.unwrap();
            }
            std::thread::sleep(Duration::from_micros(500));
        }
    };
    tasks.into_iter().map(run).collect()
}

pub fn in_main(tasks: Vec<Task>) -> Vec<u64> {
    tasks.into_iter().map(square).collect()
}

pub fn in_threads(tasks: Vec<Task>) -> Vec<u64> {
    let threads: Vec<_> = tasks
        .into_iter()
        .map(|task| std::thread::spawn(move || square(task)))
        .collect();
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}
