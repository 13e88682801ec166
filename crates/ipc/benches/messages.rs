//! What a message costs, beside the same through a raw ring and raw words, and beside CPython, `ipc-channel` and threads:
//! `cargo bench -p ipc --bench messages`.
//!
//! A *game* is played by this process, the host, and by guests that it has started, on one CPU or on two: some moves of the same kind,
//! such as a number through a queue. All games take turns, and the tables at the end are made of the ratios within each turn.
//! Then follows what a consumer burns while it waits. At last Criterion times each game by itself.
//! The table is written to `target/bench/ipc.json` too.

#[path = "messages/board.rs"]
mod board;
#[path = "../../core-process/benches/start/cpython.rs"]
mod cpython;
#[path = "messages/games/mod.rs"]
mod games;
#[path = "messages/idle.rs"]
mod idle;
#[path = "messages/party.rs"]
mod party;
#[path = "messages/peers/mod.rs"]
mod peers;
#[path = "messages/report.rs"]
mod report;
#[path = "messages/rows.rs"]
mod rows;
#[path = "messages/table.rs"]
mod table;
#[path = "messages/turns.rs"]
mod turns;

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, SamplingMode};

use party::Party;

/// What CPython runs.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/messages/cpython.py");

fn main() {
    core_process::init();
    // `cargo test` runs benchmarks, too, without this word: a few moves then, to see that they work.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let measures = arguments.iter().any(|argument| argument == "--bench");
    // Rows by name, to look at some of them alone: `cargo bench -p ipc --bench messages -- --rows '8 B 1p1c,round trip'`.
    let chosen = arguments
        .iter()
        .skip_while(|argument| *argument != "--rows")
        .nth(1);
    let mut rows = rows::rows(chosen.map(String::as_str));
    if !measures {
        rows.iter_mut()
            .for_each(|row| (row.moves, row.moves_of_python) = (row.moves.min(10), 0));
    }

    let party = Party::invite();
    let mut python = cpython::Interpreter::find(SCRIPT);
    let rounds = if measures { turns::ROUNDS } else { 1 };
    let turns = turns::take(&rows, &party, python.as_mut(), rounds);
    let idle = idle::measure(&party, if measures { 8 } else { 1 });

    if measures && chosen.is_none() {
        let mut criterion = Criterion::default()
            .sample_size(10)
            .warm_up_time(Duration::from_millis(100))
            .measurement_time(Duration::from_millis(400))
            .without_plots();
        for row in &rows {
            one_by_one(&mut criterion, row, &party);
        }
        criterion.final_summary();
    }
    // One round says that everything works, and nothing about time.
    if measures {
        let python = python.as_ref().map(cpython::Interpreter::version);
        report::print(&rows, &turns, &idle, python);
        report::write(&turns, &idle);
    }
}

/// Criterion's own figures: each game for itself.
fn one_by_one(criterion: &mut Criterion, row: &rows::Row, party: &Party) {
    let mut group = criterion.benchmark_group(row.title());
    group.sampling_mode(SamplingMode::Flat);
    if let rows::Unit::Gigabytes(bytes) = row.unit {
        group.throughput(criterion::Throughput::Bytes(bytes as u64));
    }
    for game in &row.games {
        group.bench_function(BenchmarkId::from_parameter(game.name()), |bencher| {
            bencher.iter_custom(|moves| {
                let moves = u32::try_from(moves).unwrap_or(u32::MAX);
                Duration::from_secs_f64(party.play(*game, row.place, moves) * f64::from(moves) / 1e9)
            });
        });
    }
    group.finish();
}
