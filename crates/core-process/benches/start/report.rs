//! The table at the end, what was promised, and whether it was kept.
#![allow(clippy::print_stdout, reason = "the table is what a benchmark is for")]

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::crowd::Crowd;
use crate::subjects::OURS;
use crate::turns::{CPYTHON, Median, Times};

/// One promise: how a time of ours compares with another's.
struct Target {
    method: &'static str,
    other: &'static str,
    bound: Bound,
}

/// First what must be met, then what is aimed at.
enum Bound {
    /// Ours takes at most so many times as long.
    AtMost(f64, f64),
    /// The other takes at least so many times as long as ours.
    AtLeast(f64, f64),
}

const TARGETS: [Target; 4] = [
    Target {
        method: "spawn",
        other: "re-exec",
        bound: Bound::AtMost(1.3, 1.1),
    },
    Target {
        method: "forkserver",
        other: "raw server",
        bound: Bound::AtMost(1.5, 1.25),
    },
    Target {
        method: "forkserver",
        other: CPYTHON,
        bound: Bound::AtLeast(50.0, 80.0),
    },
    Target {
        method: "fork",
        other: "fork+wait",
        bound: Bound::AtMost(1.5, 1.2),
    },
];

fn find<'a>(turns: &'a [Times], method: &str, subject: &str) -> Option<&'a Times> {
    turns
        .iter()
        .find(|times| times.method == method && times.subject == subject)
}

impl Target {
    /// What was measured; `None` where the other was not.
    fn ratio(&self, turns: &[Times]) -> Option<Median> {
        let (ours, other) = (
            find(turns, self.method, OURS)?,
            find(turns, self.method, self.other)?,
        );
        Some(match self.bound {
            Bound::AtMost(..) => ours.ratio_to(other),
            Bound::AtLeast(..) => other.ratio_to(ours),
        })
    }

    fn says(&self) -> String {
        match self.bound {
            Bound::AtMost(must, aim) => format!("at most {must} x {} (aim {aim})", self.other),
            Bound::AtLeast(must, aim) => format!("{} at least {must} x ours (aim {aim})", self.other),
        }
    }

    fn verdict(&self, ratio: f64) -> &'static str {
        let (met, reached) = match self.bound {
            Bound::AtMost(must, aim) => (ratio <= must, ratio <= aim),
            Bound::AtLeast(must, aim) => (ratio >= must, ratio >= aim),
        };
        match (met, reached) {
            (_, true) => "met, and the aim",
            (true, false) => "met",
            (false, false) => "NOT MET",
        }
    }
}

pub(crate) fn print(turns: &[Times], crowds: &[Crowd], python: Option<&str>, broken: &[&str]) {
    println!(
        "\nstart + join of an empty target, all in turn (median; ratio to ours: median of the ratios in a round, 95 %)"
    );
    match python {
        Some(version) => println!("CPython is {version}"),
        None => println!("CPython is left out: no python3 here runs the script"),
    }
    for peer in broken {
        println!("{peer} is left out: it fails when built by this compiler");
    }
    println!(
        "{:<11} {:<13} {:>11}  {:>22}",
        "method", "subject", "time us", "subject / ours"
    );
    for times in turns {
        let ratio = find(turns, times.method, OURS).map(|ours| times.ratio_to(ours));
        let ratio = ratio.map_or(String::new(), shown);
        println!(
            "{:<11} {:<13} {:>11.1}  {ratio:>22}",
            times.method,
            times.subject,
            times.microseconds().middle
        );
    }
    println!("\n{:<11} {:<44} {:>22}", "method", "target", "measured");
    for target in &TARGETS {
        match target.ratio(turns) {
            Some(ratio) => {
                let verdict = target.verdict(ratio.middle);
                println!(
                    "{:<11} {:<44} {:>22}  {verdict}",
                    target.method,
                    target.says(),
                    shown(ratio)
                );
            }
            None => println!(
                "{:<11} {:<44} {:>22}",
                target.method,
                target.says(),
                "not measured"
            ),
        }
    }
    println!(
        "\n{:<11} {:>8} {:>12} {:>12} {:>12} {:>6}",
        "at once", "children", "start all ms", "join all ms", "descriptors", "left"
    );
    for crowd in crowds {
        let (starting, joining) = (milliseconds(crowd.starting), milliseconds(crowd.joining));
        println!(
            "{:<11} {:>8} {starting:>12.1} {joining:>12.1} {:>12} {:>6}",
            crowd.method.to_string(),
            crowd.size,
            crowd.descriptors,
            crowd.left
        );
    }
}

fn shown(median: Median) -> String {
    format!("{:.2} ({:.2}..{:.2})", median.middle, median.low, median.high)
}

fn milliseconds(time: std::time::Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Writes the same to `bench/start.json` in the target directory.
pub(crate) fn write(turns: &[Times], crowds: &[Crowd]) {
    let numbers = |median: Median| json!({ "low": median.low, "median": median.middle, "high": median.high });
    let rows: Vec<Value> = turns
        .iter()
        .map(|times| {
            let microseconds = numbers(times.microseconds());
            json!({ "method": times.method, "subject": times.subject, "microseconds": microseconds })
        })
        .collect();
    let targets: Vec<Value> = TARGETS
        .iter()
        .map(|target| {
            let ratio = target.ratio(turns);
            json!({
                "method": target.method,
                "target": target.says(),
                "ratio": ratio.map(numbers),
                "verdict": ratio.map(|ratio| target.verdict(ratio.middle)),
            })
        })
        .collect();
    let crowds: Vec<Value> = crowds
        .iter()
        .map(|crowd| {
            json!({
                "method": crowd.method.to_string(),
                "children": crowd.size,
                "start_ms": milliseconds(crowd.starting),
                "join_ms": milliseconds(crowd.joining),
                "descriptors": crowd.descriptors,
                "left": crowd.left,
            })
        })
        .collect();
    let whole = json!({ "bench": "start", "rows": rows, "targets": targets, "at_once": crowds });
    let path = target_directory().join("bench/start.json");
    let written = std::fs::create_dir_all(path.parent().unwrap_or(&path))
        .and_then(|()| std::fs::write(&path, format!("{whole:#}\n")));
    match written {
        Ok(()) => println!("\nwritten to {}", path.display()),
        Err(error) => println!("\nnot written to {}: {error}", path.display()),
    }
}

/// This program is `<target>/<profile>/deps/start-<hash>`.
fn target_directory() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    program
        .ancestors()
        .nth(3)
        .map_or_else(|| PathBuf::from("target"), PathBuf::from)
}
