//! What taking, handing over and meeting cost, beside the same in raw mutexes and futexes, and beside CPython:
//! `cargo bench -p sync --bench speed`.
//!
//! A *game* is played by two processes, this one and a guest that it has started, on one CPU or on two: some moves of the same kind,
//! such as a round trip of an event. All games take turns, and the table at the end is made of the ratios within each turn. Then follows
//! what a waiter burns while more processes run than there are cores. At last Criterion times each game by itself.
//! The table is written to `target/bench/sync.json` too.

#[path = "speed/burnt.rs"]
mod burnt;
#[path = "../../core-process/benches/start/cpython.rs"]
mod cpython;
#[path = "speed/games.rs"]
mod games;
#[path = "speed/guest.rs"]
mod guest;
#[path = "speed/raw.rs"]
mod raw;
#[path = "speed/report.rs"]
mod report;
#[path = "speed/rows.rs"]
mod rows;
#[path = "speed/table.rs"]
mod table;
#[path = "speed/turns.rs"]
mod turns;

use std::time::Duration;

use criterion::{BenchmarkId, Criterion};

use guest::Guest;

/// What CPython runs.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/speed/cpython.py");

fn main() {
    core_process::init();
    // `cargo test` runs benchmarks, too, without this word: a few moves then, to see that they work.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let measures = arguments.iter().any(|argument| argument == "--bench");
    // Rows by name, to look at some of them alone: `cargo bench -p sync --bench speed -- --rows event,barrier`.
    let chosen = arguments
        .iter()
        .skip_while(|argument| *argument != "--rows")
        .nth(1);
    let rows = rows::rows(chosen.map(String::as_str));

    let guest = Guest::invite();
    let mut python = cpython::Interpreter::find(SCRIPT);
    let rounds = if measures { turns::ROUNDS } else { 1 };
    let turns = turns::take(&rows, &guest, python.as_mut(), rounds);
    let burnt = burnt::measure(&rows, &guest, if measures { burnt::MOVES } else { 1 });

    if measures && chosen.is_none() {
        let mut criterion = Criterion::default()
            .sample_size(20)
            .warm_up_time(Duration::from_millis(100))
            .measurement_time(Duration::from_millis(500))
            .without_plots();
        for row in &rows {
            one_by_one(&mut criterion, row, &guest);
        }
        criterion.final_summary();
    }
    // One round says that everything works, and nothing about time.
    if measures {
        report::print(
            &rows,
            &turns,
            &burnt,
            python.as_ref().map(cpython::Interpreter::version),
        );
        report::write(&turns, &burnt);
    }
}

/// Criterion's own figures: each game for itself.
fn one_by_one(criterion: &mut Criterion, row: &rows::Row, guest: &Guest) {
    let mut group = criterion.benchmark_group(row.title());
    for game in &row.games {
        group.bench_function(BenchmarkId::from_parameter(game.name()), |bencher| {
            bencher.iter_custom(|moves| {
                let moves = u32::try_from(moves).unwrap_or(u32::MAX);
                Duration::from_secs_f64(guest.play(*game, row.place, moves) * f64::from(moves) / 1e9)
            });
        });
    }
    group.finish();
}
