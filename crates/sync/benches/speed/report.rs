//! The table at the end, what was promised, and whether it was kept.
#![allow(clippy::print_stdout, reason = "the table is what a benchmark is for")]

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::burnt::{self, Burnt};
use crate::rows::{Row, Target};
use crate::turns::{Summary, Times};

fn find<'a>(turns: &'a [Times], row: &str, subject: &str) -> Option<&'a Times> {
    turns
        .iter()
        .find(|times| times.row == row && times.subject == subject)
}

pub(crate) fn print(rows: &[Row], turns: &[Times], burnt: &[Burnt], python: Option<&str>) {
    println!("\na move of each game, all in turn: median and lower quartile (the quiet rounds)");
    println!("a move: lock and unlock; there and back again; a meeting of two");
    match python {
        Some(version) => println!("CPython is {version}"),
        None => println!("CPython is left out: no python3 here runs the script"),
    }
    println!(
        "{:<22} {:<14} {:>11} {:>11}  {:>8} {:>8}",
        "game", "subject", "median ns", "quiet ns", "ratio", "quiet"
    );
    for row in rows {
        let title = row.title();
        let limit = row.games.get(1).and_then(|game| find(turns, &title, game.name()));
        for times in turns.iter().filter(|times| times.row == title) {
            let time = times.nanoseconds();
            let ratio = limit.map(|limit| times.ratio_to(limit));
            let (median, quiet) = ratio.map_or((f64::NAN, f64::NAN), |ratio| (ratio.median, ratio.quiet));
            println!(
                "{:<22} {:<14} {:>11.1} {:>11.1}  {median:>8.2} {quiet:>8.2}",
                title, times.subject, time.median, time.quiet
            );
        }
    }
    println!("\n{:<22} {:<40} {:>18}", "game", "target", "median (quiet)");
    for row in rows {
        let title = row.title();
        let (Some(ours), Some(limit)) = (
            find(turns, &title, row.games[0].name()),
            find(turns, &title, row.games[1].name()),
        ) else {
            continue;
        };
        for target in &row.targets {
            let figure = target.figure(ours, limit);
            println!(
                "{title:<22} {:<40} {:>18}  {}",
                target.says(limit.subject),
                format!("{:.2} ({:.2})", figure.median, figure.quiet),
                target.verdict(figure)
            );
        }
    }
    println!(
        "\nCPU time of a waiter by time, among more processes than cores: at most {:.0} %",
        burnt::BOUND * 100.0
    );
    for one in burnt {
        let verdict = if one.part <= burnt::BOUND {
            "met"
        } else {
            "NOT MET"
        };
        println!("{:<22} {:>6.2} %  {verdict}", one.title, one.part * 100.0);
    }
}

impl Target {
    fn figure(self, ours: &Times, limit: &Times) -> Summary {
        match self {
            Self::TimesLimit(..) => ours.ratio_to(limit),
            // Of the times of a move: the quiet rounds are those of a high rate.
            Self::RateOfLimit(_) => limit.ratio_to(ours),
            Self::Microseconds(_) => {
                let time = ours.nanoseconds();
                Summary {
                    quiet: time.quiet / 1e3,
                    median: time.median / 1e3,
                }
            }
        }
    }

    fn says(self, limit: &str) -> String {
        match self {
            Self::TimesLimit(must, aim) => format!("at most {must} x {limit} (aim {aim})"),
            Self::RateOfLimit(must) => format!("at least {must} x the rate of {limit}"),
            Self::Microseconds(must) => format!("at most {must} us"),
        }
    }

    fn verdict(self, figure: Summary) -> &'static str {
        let judge = |value: f64| match self {
            Self::TimesLimit(must, aim) => (value <= must, value <= aim),
            Self::RateOfLimit(must) => (value >= must, value >= must),
            Self::Microseconds(must) => (value <= must, value <= must),
        };
        match (judge(figure.median), judge(figure.quiet)) {
            ((_, true), _) => "met, and the aim",
            ((true, false), _) => "met",
            ((false, _), (true, _)) => "met in the quiet rounds alone",
            _ => "NOT MET",
        }
    }
}

/// Writes the same to `bench/sync.json` in the target directory.
pub(crate) fn write(turns: &[Times], burnt: &[Burnt]) {
    let rows: Vec<Value> = turns
        .iter()
        .map(|times| {
            let time = times.nanoseconds();
            json!({ "game": times.row, "subject": times.subject, "median_ns": time.median, "quiet_ns": time.quiet })
        })
        .collect();
    let burnt: Vec<Value> = burnt
        .iter()
        .map(|one| json!({ "game": one.title, "part": one.part }))
        .collect();
    let whole = json!({ "bench": "sync", "rows": rows, "burnt": burnt });
    let path = target_directory().join("bench/sync.json");
    let written = std::fs::create_dir_all(path.parent().unwrap_or(&path))
        .and_then(|()| std::fs::write(&path, format!("{whole:#}\n")));
    match written {
        Ok(()) => println!("\nwritten to {}", path.display()),
        Err(error) => println!("\nnot written to {}: {error}", path.display()),
    }
}

/// This program is `<target>/<profile>/deps/speed-<hash>`.
fn target_directory() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    program
        .ancestors()
        .nth(3)
        .map_or_else(|| PathBuf::from("target"), PathBuf::from)
}
