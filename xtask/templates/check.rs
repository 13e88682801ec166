//! Checks of lesson {{id}}: the work runs in a child, and its result comes back.

use grader::work::Gauge;
use grader::{Draw, Evidence, Findings, Scenario, Verdict};

/// What the learner writes.
pub type Answer = fn(u64) -> u64;

/// The work that must run in a child.
pub fn work(number: u64) -> u64 {
    let _inside = Gauge::named("work").enter();
    number.wrapping_mul(2)
}

/// The scenarios of the lesson.
pub fn scenarios(answer: Answer) -> Vec<Scenario> {
    vec![Scenario::new("one number", draw, answer, judge)]
}

fn draw(draw: &mut Draw) -> u64 {
    draw.size(1_000_000) as u64
}

fn judge(number: &u64, seen: &Evidence<u64>, found: &mut Findings) {
    let workers: Vec<i32> = seen.gauge("work").pids.into_iter().collect();
    let apart = !workers.is_empty() && !workers.contains(&seen.main_pid);
    found.check("child", Verdict::NotAProcess, apart, || {
        format!("the work ran in {workers:?}, the caller is pid {}", seen.main_pid)
    });
    let wanted = number.wrapping_mul(2);
    found.check("result", Verdict::Wrong, seen.value == Some(wanted), || {
        format!("expected {wanted}, observed {:?}", seen.value)
    });
}
