//! Every verdict of the course: programs that must get it, and programs that must not.
//!
//! A subject binary like those of the lessons, with toy lessons: `grader::main` itself runs the cases. Each module is a lesson
//! with its scenarios, its right answers and its wrong ones.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::ptr_arg,
    clippy::zombie_processes,
    clippy::redundant_closure,
    unreachable_pub,
    reason = "a test binary, and some of its programs are wrong on purpose"
)]

use grader::{Case, Scenario};

#[path = "verdicts/bank.rs"]
mod bank;
#[path = "verdicts/bounded.rs"]
mod bounded;
#[path = "verdicts/endings.rs"]
mod endings;
#[path = "verdicts/order.rs"]
mod order;
#[path = "verdicts/own_image.rs"]
mod own_image;
#[path = "verdicts/programs.rs"]
mod programs;
#[path = "verdicts/squares.rs"]
mod squares;
#[path = "verdicts/traces.rs"]
mod traces;

/// A `lesson.toml` with the checks of a toy lesson.
macro_rules! lesson {
    ($id:literal, $title:literal, $entry:literal, $($check:literal: $claim:literal),+ $(,)?) => {
        concat!(
            "id = \"", $id, "\"\nslug = \"toy\"\ntitle = \"", $title, "\"\ntitle_ru = \"", $title, "\"\n",
            "python = \"multiprocessing.Process\"\nminutes = 1\nentry = [\"", $entry, "\"]\n",
            "program = ", lesson!(@program $entry), "\nhints = [\"one\", \"two\", \"three\"]\n",
            "[budget]\ndeadline_ms = 300\nprocesses = 24\nmemory_mib = 256\noutput_kib = 64\n",
            $("[[checks]]\nid = \"", $check, "\"\nclaim = \"", $claim, "\"\n",)+
        )
    };
    (@program "main") => { "true" };
    (@program $other:literal) => { "false" };
}

const SQUARES: &str = lesson!("0.1", "Squares", "squares",
    "results": "every result is the square of its number",
    "process": "every task runs in a child of its own",
    "overlap": "the tasks run at the same time");
const BOUNDED: &str =
    lesson!("0.2", "At most two", "bounded", "width": "never more than two tasks run at once");
const ORDER: &str =
    lesson!("0.3", "Order", "in_order", "order": "the summary begins after every part has ended");
const BANK: &str = lesson!("0.4", "Bank", "deposit", "total": "no deposit is lost");
const ENDINGS: &str = lesson!("0.5", "Endings", "end", "value": "it returns 7");
const TRACES: &str = lesson!("0.6", "Traces", "leave_nothing", "value": "it returns 7");
const PROGRAMS: &str =
    lesson!("0.7", "Programs", "main", "output": "each of the children prints its number once");
const SKIPPED: &str = lesson!("0.8", "Skipped", "end",
    "value": "it returns 7",
    "speed": "it is faster than anything");

const FAULTS: &str = lesson!("0.9", "Faults", "end",
    "value": "it returns 7",
    "killed": "the child was killed half-way");

const fn case(
    lesson: &'static str,
    toml: &'static str,
    name: &'static str,
    scenarios: fn() -> Vec<Scenario>,
) -> Case {
    Case {
        lesson,
        name,
        scenarios,
        main: None,
        toml,
        source: "",
        folder: "",
    }
}

/// A case that must get the verdict on the first line of its source.
const fn wrong(case: Case, source: &'static str) -> Case {
    Case { source, ..case }
}

const CASES: &[Case] = &[
    case("0.1", SQUARES, "exercise", || squares::of(squares::stub)),
    case("0.1", SQUARES, "solution", || squares::of(squares::all_at_once)),
    case("0.1", SQUARES, "alt_forkserver", || {
        squares::of(squares::by_forkserver)
    }),
    case("0.1", SQUARES, "alt_fork", || squares::of(squares::by_fork)),
    case("0.1", SQUARES, "alt_slow_to_start", || {
        squares::of(squares::slow_to_start)
    }),
    wrong(
        case("0.1", SQUARES, "wrong_sum", || squares::of(squares::off_by_one)),
        "//! expect: WRONG",
    ),
    wrong(
        case("0.1", SQUARES, "wrong_one_by_one", || {
            squares::of(squares::one_by_one)
        }),
        "//! expect: SERIAL",
    ),
    wrong(
        case("0.1", SQUARES, "wrong_polling", || {
            squares::of(squares::one_by_one_polling)
        }),
        "//! expect: SERIAL",
    ),
    wrong(
        case("0.1", SQUARES, "wrong_in_main", || squares::of(squares::in_main)),
        "//! expect: NOT_A_PROCESS",
    ),
    wrong(
        case("0.1", SQUARES, "wrong_threads", || {
            squares::of(squares::in_threads)
        }),
        "//! expect: NOT_A_PROCESS",
    ),
    case("0.2", BOUNDED, "solution", || bounded::of(bounded::two_at_a_time)),
    case("0.2", BOUNDED, "alt_killed_inside", || {
        bounded::of(bounded::killed_inside)
    }),
    wrong(
        case("0.2", BOUNDED, "wrong_all", || bounded::of(bounded::all_at_once)),
        "//! expect: OVERSYNC",
    ),
    case("0.3", ORDER, "solution", || order::of(order::join_first)),
    wrong(
        case("0.3", ORDER, "wrong_no_join", || order::of(order::join_last)),
        "//! expect: RACE",
    ),
    wrong(
        case("0.3", ORDER, "wrong_sleep", || order::of(order::sleep_a_little)),
        "//! expect: RACE",
    ),
    case("0.4", BANK, "solution", || bank::of(bank::locked)),
    case("0.4", BANK, "alt_shaken", || bank::shaken(bank::locked)),
    wrong(
        case("0.4", BANK, "wrong_no_lock", || bank::of(bank::unlocked)),
        "//! expect: LOST_UPDATE",
    ),
    wrong(
        case("0.4", BANK, "wrong_late_lock", || bank::of(bank::locked_too_late)),
        "//! expect: LOST_UPDATE",
    ),
    case("0.5", ENDINGS, "solution", || endings::of(|| 7)),
    case("0.5", ENDINGS, "alt_longer_than_the_deadline", || {
        endings::of(endings::long_but_busy)
    }),
    case("0.5", ENDINGS, "alt_child_panics_as_asked", || {
        endings::of(endings::child_panics_as_asked)
    }),
    case("0.5", ENDINGS, "alt_kills_its_child", || {
        endings::of(endings::kills_its_child)
    }),
    case("0.5", ENDINGS, "alt_just_enough_output", || {
        endings::of(endings::just_enough_output)
    }),
    wrong(
        case("0.5", ENDINGS, "wrong_waits_for_ever", || {
            endings::of(endings::joins_a_sleeper)
        }),
        "//! expect: HANG",
    ),
    wrong(
        case("0.5", ENDINGS, "wrong_pipe", || {
            endings::of(endings::reads_its_own_pipe)
        }),
        "//! expect: HANG",
    ),
    wrong(
        case("0.5", ENDINGS, "wrong_spins", || endings::of(endings::spins)),
        "//! expect: HANG",
    ),
    wrong(
        case("0.5", ENDINGS, "wrong_panics", || endings::of(endings::panics)),
        "//! expect: CRASH",
    ),
    wrong(
        case("0.5", ENDINGS, "wrong_child_panics", || {
            endings::of(endings::child_panics)
        }),
        "//! expect: CRASH",
    ),
    wrong(
        case("0.5", ENDINGS, "wrong_aborts", || {
            endings::of(|| std::process::abort())
        }),
        "//! expect: CRASH",
    ),
    wrong(
        case("0.5", ENDINGS, "wrong_exits", || {
            endings::of(|| std::process::exit(0))
        }),
        "//! expect: WRONG",
    ),
    wrong(
        case("0.5", ENDINGS, "wrong_bomb", || endings::of(endings::bomb)),
        "//! expect: LIMIT",
    ),
    wrong(
        case("0.5", ENDINGS, "wrong_flood", || endings::of(endings::flood)),
        "//! expect: LIMIT",
    ),
    wrong(
        case("0.5", ENDINGS, "wrong_hoard", || endings::of(endings::hoard)),
        "//! expect: LIMIT",
    ),
    wrong(
        case("0.5", ENDINGS, "wrong_chatter", || endings::of(endings::chatter)),
        "//! expect: LIMIT",
    ),
    case("0.6", TRACES, "solution", || traces::of(traces::tidy)),
    case("0.6", TRACES, "alt_helper", || {
        traces::of(traces::keeps_the_forkserver)
    }),
    wrong(
        case("0.6", TRACES, "wrong_zombie", || traces::of(traces::zombie)),
        "//! expect: LEAK_ZOMBIE",
    ),
    wrong(
        case("0.6", TRACES, "wrong_zombie_soon", || {
            traces::of(traces::not_joined)
        }),
        "//! expect: LEAK_ZOMBIE",
    ),
    wrong(
        case("0.6", TRACES, "wrong_orphan", || traces::of(traces::orphan)),
        "//! expect: LEAK_ORPHAN",
    ),
    wrong(
        case("0.6", TRACES, "wrong_setsid", || {
            traces::of(traces::in_a_session_of_its_own)
        }),
        "//! expect: LEAK_ORPHAN",
    ),
    wrong(
        case("0.6", TRACES, "wrong_exit_and_orphan", || {
            traces::of(traces::exits_and_leaves)
        }),
        "//! expect: LEAK_ORPHAN",
    ),
    wrong(
        case("0.6", TRACES, "wrong_descriptor", || {
            traces::of(traces::descriptor)
        }),
        "//! expect: LEAK_FD",
    ),
    wrong(
        case("0.6", TRACES, "wrong_memfd", || traces::of(traces::memfd)),
        "//! expect: LEAK_SHM",
    ),
    wrong(
        case("0.6", TRACES, "wrong_mapping", || traces::of(traces::mapping)),
        "//! expect: LEAK_SHM",
    ),
    wrong(
        case("0.6", TRACES, "wrong_segment", || traces::of(traces::segment)),
        "//! expect: LEAK_SHM",
    ),
    wrong(
        case("0.6", TRACES, "wrong_file", || traces::of(traces::file)),
        "//! expect: LEAK_FILE",
    ),
    case("0.7", PROGRAMS, "solution", || programs::of(programs::good)),
    wrong(
        case("0.7", PROGRAMS, "wrong_no_init", || {
            programs::of(programs::without_init)
        }),
        "//! expect: WRONG",
    ),
    wrong(
        case("0.7", PROGRAMS, "wrong_prints_before", || {
            programs::of(programs::prints_before_init)
        }),
        "//! expect: WRONG",
    ),
    wrong(
        case("0.7", PROGRAMS, "wrong_panics", || programs::of(programs::panics)),
        "//! expect: CRASH",
    ),
    case("0.8", SKIPPED, "solution", || endings::skipping(|| 7)),
    case("0.9", FAULTS, "solution", || {
        endings::with_a_fault(endings::tells_of_the_kill)
    }),
    wrong(
        case("0.9", FAULTS, "wrong_unwrap", || {
            endings::with_a_fault(endings::child_panics)
        }),
        "//! expect: CRASH",
    ),
    Case {
        folder: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/verdicts"),
        main: Some(programs::example),
        ..case("0.7", PROGRAMS, "example", Vec::new)
    },
];

fn main() -> std::process::ExitCode {
    // Every other role has arguments.
    if std::env::args().len() == 1 {
        own_image::a_right_answer_passes_whose_file_is_gone();
    }
    grader::main(CASES)
}
