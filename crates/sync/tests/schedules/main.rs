//! The protocols under shuttle: more processes than loom can explore, in thousands of random schedules, without a death and with one or two
//! at random steps.
//!
//! The scenes, the stage and the model of `crate::sys` are those of `tests/model`, with shuttle's threads in place of loom's. No stale
//! values here: an atomic is what it was set to last.
//!
//! `cargo test -p sync --test schedules` prints the table and its seed; `SYNC_SCHEDULES` is how many for each row,
//! `SYNC_SCHEDULES_SEED` repeats them.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test, whose table is its output"
)]
#![allow(
    dead_code,
    unused_imports,
    reason = "the protocols' files are compiled as they are, and the handles that use the rest are not here"
)]

/// What explores: shuttle's threads and atomics.
mod checker {
    pub(crate) use shuttle::sync::Mutex;
    pub(crate) use shuttle::sync::atomic::AtomicU32;
    pub(crate) use shuttle::thread::{JoinHandle, Thread, ThreadId, current, park, spawn};

    /// Processes that can have a slot in an object.
    pub(crate) const SLOTS: usize = 8;
}

#[path = "../../src/done.rs"]
mod done;
#[path = "../../src/exclusion.rs"]
mod exclusion;
#[path = "../../src/flag.rs"]
mod flag;
#[path = "../../src/ledger.rs"]
mod ledger;
#[path = "../../src/notices.rs"]
mod notices;
#[path = "../../src/permits.rs"]
mod permits;
#[path = "../../src/readers.rs"]
mod readers;
#[path = "../../src/rounds.rs"]
mod rounds;

#[path = "../model/identity.rs"]
mod identity;
#[path = "../model/pace.rs"]
mod pace;
#[path = "../model/scene.rs"]
mod scene;
#[path = "../model/scenes/mod.rs"]
mod scenes;
#[path = "../model/spin.rs"]
mod spin;
#[path = "../model/stage.rs"]
mod stage;
#[path = "../model/sys/mod.rs"]
mod sys;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use shuttle::rand::Rng;
use shuttle::scheduler::RandomScheduler;
use shuttle::{Config, Runner};

use scenes::{barrier, condition, lock, once, rwlock, semaphore};
use stage::{Death, Sleeps, Stage};

/// A row: its name, the play, and how many processes it has that may die, the first of which has number 2.
type Row = (&'static str, fn(&Stage), u32);

const ROWS: &[Row] = &[
    ("lock: five take turns, twice", |stage| lock::some(stage, 5, 2), 5),
    (
        "semaphore: one permit, five come",
        |stage| semaphore::some(stage, 5),
        5,
    ),
    (
        "condition: four take, two put",
        |stage| condition::many(stage, 4),
        0,
    ),
    (
        "condition: two take, one may die",
        |stage| condition::many(stage, 2),
        1,
    ),
    ("barrier: four meet", |stage| barrier::some(stage, 4, 1), 4),
    (
        "barrier: three meet three times",
        |stage| barrier::some(stage, 3, 3),
        3,
    ),
    ("rwlock: three read, two write", rwlock::three_read_two_write, 5),
    ("once: six come", |stage| once::some(stage, 6), 6),
];

/// No play has a process with more steps.
const LAST_STEP: u32 = 150;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let number = |name: &str| {
        let text = std::env::var(name).ok()?;
        Some(
            text.parse::<u64>()
                .unwrap_or_else(|_| panic!("{name} is no number")),
        )
    };
    let seed = number("SYNC_SCHEDULES_SEED").unwrap_or_else(|| fastrand::u64(..));
    let schedules = number("SYNC_SCHEDULES").unwrap_or(2000);
    println!("seed {seed}");
    println!(
        "{:36} {:>9} {:>9} {:>7} {:>8}",
        "play", "peaceful", "deadly", "deaths", "seconds"
    );
    let (mut passed, mut failed) = (0, 0);
    for row in ROWS {
        if explored(row, seed, schedules) {
            passed += 1;
        } else {
            failed += 1;
        }
    }
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {word}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out"
    );
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Runs a row and prints it; whether it holds.
fn explored((name, play, mortals): &Row, seed: u64, schedules: u64) -> bool {
    let (begin, play, mortals) = (Instant::now(), *play, *mortals);
    let deaths = Arc::new(AtomicU64::new(0));
    let deadly = if mortals == 0 { 0 } else { schedules };
    for (sleeps, count) in [(Sleeps::Owed, schedules), (Sleeps::Bounded, deadly)] {
        let seen = Arc::clone(&deaths);
        let mut config = Config::default();
        // That it knows no stale values is said above, and is loom's part.
        config.silence_warnings = true;
        let runner = Runner::new(RandomScheduler::new_from_seed(seed, count as usize), config);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            runner.run(move || {
                let mut random = shuttle::rand::thread_rng();
                let dying = if sleeps == Sleeps::Bounded {
                    random.gen_range(1..=mortals.min(2))
                } else {
                    0
                };
                let death = |_| Death {
                    process: random.gen_range(2..2 + mortals),
                    step: random.gen_range(1..=LAST_STEP),
                };
                play(&Stage::new(sleeps, (0..dying).map(death).collect()));
                seen.fetch_add(u64::from(stage::has_died()), Ordering::Relaxed);
            });
        }));
        if outcome.is_err() {
            println!("{}\n{name:36} FAILED, seed {seed}", stage::record());
            return false;
        }
    }
    println!(
        "{name:36} {schedules:9} {deadly:9} {:7} {:8.1}",
        deaths.load(Ordering::Relaxed),
        begin.elapsed().as_secs_f64()
    );
    true
}
