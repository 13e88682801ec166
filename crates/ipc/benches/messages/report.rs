//! The tables at the end: every figure, and then each game beside its limit and its peers, what was promised, and whether it was kept.
#![allow(clippy::print_stdout, reason = "the table is what a benchmark is for")]

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::idle::{self, Idle};
use crate::rows::{Row, Target, Unit};
use crate::turns::{CPYTHON, Summary, Times};

fn find<'a>(turns: &'a [Times], row: &str, subject: &str) -> Option<&'a Times> {
    turns
        .iter()
        .find(|times| times.row == row && times.subject == subject)
}

pub(crate) fn print(rows: &[Row], turns: &[Times], idle: &[Idle], python: Option<&str>) {
    println!(
        "\nevery game, all in turn: the median, the better quartile (the quiet turns), and the time of a move in those of the limit"
    );
    match python {
        Some(version) => println!("CPython is {version}"),
        None => println!("CPython is left out: no python3 here runs the script"),
    }
    println!(
        "{:<26} {:<18} {:>14} {:>14}  {:>8} {:>8}",
        "game", "subject", "median", "quiet", "ratio", "quiet"
    );
    for row in rows {
        let title = row.title();
        let limit = find(turns, &title, row.games[1].name());
        for times in turns.iter().filter(|times| times.row == title) {
            let time = times.nanoseconds();
            let ratio = limit.map(|limit| times.ratio_to(limit));
            let (median, quiet) = ratio.map_or((f64::NAN, f64::NAN), |ratio| (ratio.median, ratio.quiet));
            println!(
                "{title:<26} {:<18} {:>14} {:>14}  {median:>8.2} {quiet:>8.2}",
                times.subject,
                row.unit.says(time.median),
                row.unit.says(time.quiet),
            );
        }
    }
    println!(
        "\n{:<26} {:>14} {:>14} {:>8} {:>14} {:>14}  target",
        "game", "limit", "ours", "ratio", "CPython", "ipc-channel"
    );
    for row in rows {
        closing(row, turns);
    }
    println!(
        "\nCPU time of a waiting consumer by time, a message every {} ms: at most {:.1} %",
        idle::PAUSE.as_millis(),
        idle::BOUND * 100.0
    );
    for one in idle {
        let verdict = if one.part <= idle::BOUND { "met" } else { "NOT MET" };
        println!("{:<26} {:>8.3} %  {verdict}", one.subject, one.part * 100.0);
    }
}

/// A row's line of the closing table, by medians.
fn closing(row: &Row, turns: &[Times]) {
    let title = row.title();
    let of = |subject: &str| find(turns, &title, subject);
    let said = |subject: &str| {
        of(subject).map_or_else(
            || "-".to_owned(),
            |times| row.unit.says(times.nanoseconds().median),
        )
    };
    let (ours, limit) = (row.games[0].name(), row.games[1].name());
    let (Some(times), Some(limits)) = (of(ours), of(limit)) else {
        return;
    };
    let verdicts: Vec<String> = row
        .targets
        .iter()
        .map(|target| {
            let figure = target.figure(row.unit, times, limits);
            format!("{}: {}", target.says(row.unit), target.verdict(figure))
        })
        .collect();
    println!(
        "{title:<26} {:>14} {:>14} {:>8.2} {:>14} {:>14}  {}",
        said(limit),
        said(ours),
        times.ratio_to(limits).median,
        said(CPYTHON),
        said("ipc-channel"),
        if verdicts.is_empty() {
            "for information".to_owned()
        } else {
            verdicts.join("; ")
        }
    );
}

impl Unit {
    /// Of nanoseconds of a move, in this unit.
    fn of(self, nanoseconds: f64) -> f64 {
        match self {
            Self::Microseconds => nanoseconds / 1e3,
            Self::Nanoseconds => nanoseconds,
            Self::Millions => 1e3 / nanoseconds,
            Self::Gigabytes(bytes) => bytes as f64 / nanoseconds,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Microseconds => "us",
            Self::Nanoseconds => "ns",
            Self::Millions => "M/s",
            Self::Gigabytes(_) => "GB/s",
        }
    }

    fn says(self, nanoseconds: f64) -> String {
        format!("{:.2} {}", self.of(nanoseconds), self.name())
    }
}

impl Target {
    fn figure(self, unit: Unit, ours: &Times, limit: &Times) -> Summary {
        match self {
            Self::TimesLimit(..) => ours.ratio_to(limit),
            Self::AtLeast(..) | Self::AtMost(..) => {
                let time = ours.nanoseconds();
                Summary {
                    quiet: unit.of(time.quiet),
                    median: unit.of(time.median),
                }
            }
        }
    }

    fn says(self, unit: Unit) -> String {
        match self {
            Self::TimesLimit(must, aim) => format!("at most {must} x limit (aim {aim})"),
            Self::AtLeast(must, aim) => format!("at least {must} {} (aim {aim})", unit.name()),
            Self::AtMost(must, aim) => format!("at most {must} {} (aim {aim})", unit.name()),
        }
    }

    fn verdict(self, figure: Summary) -> &'static str {
        let judge = |value: f64| match self {
            Self::TimesLimit(must, aim) | Self::AtMost(must, aim) => (value <= must, value <= aim),
            Self::AtLeast(must, aim) => (value >= must, value >= aim),
        };
        match (judge(figure.median), judge(figure.quiet)) {
            ((_, true), _) => "met, and the aim",
            ((true, false), _) => "met",
            ((false, _), (true, _)) => "met in the quiet turns alone",
            _ => "NOT MET",
        }
    }
}

/// Writes the same to `bench/ipc.json` in the target directory.
pub(crate) fn write(turns: &[Times], idle: &[Idle]) {
    let rows: Vec<Value> = turns
        .iter()
        .map(|times| {
            let time = times.nanoseconds();
            json!({ "game": times.row, "subject": times.subject, "median_ns": time.median, "quiet_ns": time.quiet })
        })
        .collect();
    let idle: Vec<Value> = idle
        .iter()
        .map(|one| json!({ "subject": one.subject, "part": one.part }))
        .collect();
    let whole = json!({ "bench": "ipc", "rows": rows, "idle": idle });
    let path = target_directory().join("bench/ipc.json");
    let written = std::fs::create_dir_all(path.parent().unwrap_or(&path))
        .and_then(|()| std::fs::write(&path, format!("{whole:#}\n")));
    match written {
        Ok(()) => println!("\nwritten to {}", path.display()),
        Err(error) => println!("\nnot written to {}: {error}", path.display()),
    }
}

/// This program is `<target>/<profile>/deps/messages-<hash>`.
fn target_directory() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    program
        .ancestors()
        .nth(3)
        .map_or_else(|| PathBuf::from("target"), PathBuf::from)
}
