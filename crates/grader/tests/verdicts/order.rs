//! Something must come after something else: RACE.

use core_process::{Child, Process};
use grader::work::{Gate, note};
use grader::{Draw, Evidence, Findings, Scenario, Verdict};

type Answer = fn(u64) -> u64;

/// A part: it ends late, if it may.
fn part(n: u64) -> u64 {
    Gate::named("the summary").wait();
    note("part", n as i64);
    n
}

fn summary() {
    note("summary", 0);
    Gate::named("the summary").open();
}

pub fn of(answer: Answer) -> Vec<Scenario> {
    vec![Scenario::new(
        "order",
        |draw: &mut Draw| draw.number(1..=3),
        answer,
        judge,
    )]
}

fn judge(_input: &u64, seen: &Evidence<u64>, found: &mut Findings) {
    let Some(summary) = seen.journal.named("summary").next() else {
        return;
    };
    let late: Vec<_> = seen
        .journal
        .named("part")
        .filter(|part| !seen.journal.happens_before(part, summary))
        .collect();
    found
        .check("order", Verdict::Race, late.is_empty(), || {
            format!(
                "pid {} made the summary before {} parts had ended",
                summary.pid,
                late.len()
            )
        })
        .show([summary].into_iter().chain(late.iter().copied()));
}

fn parts(n: u64) -> Vec<Child<u64>> {
    (0..n).map(|n| Process::new(part, n).start().unwrap()).collect()
}

pub fn join_first(n: u64) -> u64 {
    let sum = parts(n).iter().map(|child| child.join().unwrap()).sum();
    summary();
    sum
}

pub fn join_last(n: u64) -> u64 {
    let parts = parts(n);
    summary();
    parts.iter().map(|child| child.join().unwrap()).sum()
}

pub fn sleep_a_little(n: u64) -> u64 {
    let parts = parts(n);
    std::thread::sleep(std::time::Duration::from_millis(30));
    summary();
    parts.iter().map(|child| child.join().unwrap()).sum()
}
