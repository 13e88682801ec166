//! What a start and a join of an empty target cost, by each method, beside the same work in raw system calls, procspawn,
//! crossmist and CPython: `cargo bench -p core-process --bench start`.
//!
//! Three parts. First all subjects take turns, so that a figure and the limit it is held against see the same machine, and the
//! table at the end is made of the ratios within each turn. Then a thousand children run at once. At last Criterion times
//! each subject by itself. The table is written to `target/bench/start.json` too.
//!
//! Every child of every subject is this program again, so `main` begins with whose child it is. Nothing here may start a
//! thread: `fork` would be refused.

#[path = "start/cpython.rs"]
mod cpython;
#[path = "start/crowd.rs"]
mod crowd;
#[path = "start/raw.rs"]
mod raw;
#[path = "start/report.rs"]
mod report;
#[path = "start/subjects.rs"]
mod subjects;
#[path = "start/turns.rs"]
mod turns;

use criterion::{BenchmarkId, Criterion};

use subjects::Subject;

/// What CPython runs.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/start/cpython.py");

fn main() {
    core_process::init();
    raw::divert();
    crossmist::init();
    procspawn::init();

    // `cargo test` runs benchmarks, too, without this word: once each then, to see that they work.
    let measures = std::env::args().any(|argument| argument == "--bench");
    let mut groups = subjects::groups();
    let broken = subjects::take_out_broken(&mut groups);
    // Before Criterion, whose figures make this process larger: a fork of it takes twice as long then, and what the library
    // adds to one looks half as much.
    let mut python = cpython::Interpreter::find(SCRIPT);
    let turns = turns::take(
        &mut groups,
        python.as_mut(),
        if measures { turns::ROUNDS } else { 2 },
    );
    let crowds = crowd::measure(if measures { crowd::SIZE } else { 10 });

    let mut criterion = Criterion::default()
        .sample_size(50)
        .without_plots()
        .configure_from_args();
    for (group, members) in &mut groups {
        one_by_one(&mut criterion, group, members);
    }
    criterion.final_summary();

    // Two rounds say that everything works, and nothing about time.
    if measures {
        let version = python.as_ref().map(cpython::Interpreter::version);
        report::print(&turns, &crowds, version, &broken);
        report::write(&turns, &crowds);
    }
}

/// Criterion's own figures: each subject for itself.
fn one_by_one(criterion: &mut Criterion, group: &str, members: &mut [Subject]) {
    let mut group = criterion.benchmark_group(group);
    for member in members {
        group.bench_function(BenchmarkId::from_parameter(member.name), |bencher| {
            bencher.iter(|| (member.start_and_join)());
        });
    }
    group.finish();
}
