//! No more than two at once: OVERSYNC.

use core_process::{Child, Process};
use grader::work::{Gate, Gauge};
use grader::{Draw, Evidence, Findings, Scenario, Verdict};

type Answer = fn(Vec<u64>) -> usize;

/// Holds whoever is inside until a third one is, which a right answer never lets happen.
fn task(n: u64) -> u64 {
    let _inside = Gauge::named("inside").enter();
    if n >= 2 {
        Gate::named("a third one").open();
    } else {
        Gate::named("a third one").wait();
    }
    n
}

pub fn of(answer: Answer) -> Vec<Scenario> {
    vec![Scenario::new("bounded", draw, answer, judge)]
}

fn draw(draw: &mut Draw) -> Vec<u64> {
    (0..draw.size(6) as u64).collect()
}

fn judge(_input: &Vec<u64>, seen: &Evidence<usize>, found: &mut Findings) {
    let inside = seen.gauge("inside");
    found
        .check("width", Verdict::Oversync, inside.peak <= 2, || {
            format!(
                "{} tasks ran at once, 2 were allowed: pids {:?}",
                inside.peak, inside.at_peak
            )
        })
        .show(seen.journal.about("inside"));
}

pub fn all_at_once(numbers: Vec<u64>) -> usize {
    let children: Vec<Child<u64>> = numbers
        .into_iter()
        .map(|n| Process::new(task, n).start().unwrap())
        .collect();
    children.iter().filter(|child| child.join().is_ok()).count()
}

pub fn two_at_a_time(numbers: Vec<u64>) -> usize {
    let run = |pair: &[u64]| all_at_once(pair.to_vec());
    numbers.chunks(2).map(run).sum()
}

/// Right: whoever is killed inside is not inside any more.
pub fn killed_inside(numbers: Vec<u64>) -> usize {
    for n in numbers {
        let child = Process::new(task, n).start().unwrap();
        child.kill().unwrap();
        assert!(child.join().is_err() || n >= 2);
    }
    0
}
