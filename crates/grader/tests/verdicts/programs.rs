//! Whole programs: the answer is a `main`, and calling `init` is its own business.

use core_process::{Child, Process};
use grader::{Draw, Evidence, Findings, Scenario, Verdict};

pub fn of(answer: fn()) -> Vec<Scenario> {
    vec![Scenario::program("programs", draw, answer, judge)]
}

fn draw(draw: &mut Draw) -> u64 {
    draw.number(2..=4)
}

fn judge(children: &u64, seen: &Evidence<()>, found: &mut Findings) {
    let expected: Vec<String> = (0..*children).map(|n| format!("child {n}")).collect();
    let mut lines: Vec<&str> = seen.stdout.lines().collect();
    lines.sort_unstable();
    found.check("output", Verdict::Wrong, lines == expected, || {
        format!("expected {expected:?}, observed {lines:?}")
    });
}

fn print(n: u64) {
    println!("child {n}");
}

fn children() {
    let children = *grader::input::<u64>();
    let children: Vec<Child<()>> = (0..children)
        .filter_map(|n| Process::new(print, n).start().ok())
        .collect();
    for child in children {
        // What a child says is on the output; this program only waits.
        let _ = child.join();
    }
}

pub fn good() {
    core_process::init();
    children();
}

pub fn without_init() {
    children();
}

pub fn prints_before_init() {
    println!("begin");
    core_process::init();
    children();
}

pub fn panics() {
    core_process::init();
    panic!("no children today");
}

/// Its output stands in `example.stdout`.
pub fn example() {
    core_process::init();
    let child = Process::new(|| std::process::id(), ()).start().unwrap();
    let pid = child.join().unwrap();
    println!(
        "main is {}, its child was {pid}, {pid} has ended",
        std::process::id()
    );
}
