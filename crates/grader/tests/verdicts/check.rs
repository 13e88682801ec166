//! Scenarios of the toy lesson.

use grader::work::{Gauge, Rendezvous};
use grader::{Draw, Evidence, Findings, Scenario, Verdict};

/// Squares numbers, each in a process of its own, all at the same time.
pub type Squares = fn(Vec<Task>) -> Vec<u64>;

/// One task: it squares `n` while its peer is inside too.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub struct Task {
    pub n: u64,
    /// Tasks of one pair meet; `None` runs alone.
    pub pair: Option<u64>,
}

pub fn square(task: Task) -> u64 {
    let _inside = Gauge::named("tasks").enter();
    if let Some(pair) = task.pair {
        Rendezvous::named("tasks").number(pair).meet(2);
    }
    task.n * task.n
}

pub fn squares(answer: Squares) -> Vec<Scenario> {
    vec![Scenario::new("squares", tasks, answer, judge_squares)]
}

fn tasks(draw: &mut Draw) -> Vec<Task> {
    let len = draw.size(7);
    let numbers = draw.list(len, |draw| draw.number(0..=1000));
    let task = |(place, n)| Task {
        n,
        pair: (place < len / 2 * 2).then_some(place as u64 / 2),
    };
    numbers.into_iter().enumerate().map(task).collect()
}

fn judge_squares(input: &Vec<Task>, seen: &Evidence<Vec<u64>>, found: &mut Findings) {
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
    found.check("overlap", Verdict::Serial, meetings.missed == 0, || {
        format!("{} of {} tasks ran alone", meetings.missed, input.len())
    });
}
