//! Checks of lesson 3.3: the prefix sums of a shared array, made in place by several processes.
//!
//! The grader's `scan` and `shift` are the two things that are done with a part. `scan` meets the other workers inside, which succeeds
//! only if all are there at once; and the first part's can be held until somebody shifts, who should have waited for it.

use grader::work::{Counter, Gate, Gauge, Rendezvous, note};
use grader::{Draw, Evidence, Findings, Scenario, Verdict};
use ipc::Array;
use serde::{Deserialize, Serialize};

/// What the learner writes: replaces every cell by the sum of all cells up to it.
pub type Answer = fn(cells: &Array<u64>, workers: usize);

/// The value of the first cell, which no other cell has.
const FIRST: u64 = 1_000_003;

/// How many scans meet; 0 if they need not.
const PARTIES: Counter = Counter::named("scans that meet");
/// Not 0: the first part's scan takes until somebody shifts.
const IS_SLOW: Counter = Counter::named("the first scan is slow");
const MEETING: Rendezvous = Rendezvous::named("all scan");
const SHIFTED: Gate = Gate::named("somebody shifts");

/// Replaces each value by the sum of all values up to it, in this slice. Returns the sum of all.
#[track_caller]
pub fn scan(values: &mut [u64]) -> u64 {
    let _inside = Gauge::named("scanning").enter();
    note("scans", values.len() as i64);
    let is_first = values.first() == Some(&FIRST);
    if !values.is_empty() && PARTIES.value() > 0 {
        MEETING.meet(PARTIES.value() as u32);
    }
    if is_first && IS_SLOW.value() > 0 {
        SHIFTED.wait();
    }
    let mut sum = 0_u64;
    for value in values {
        sum = sum.wrapping_add(*value);
        *value = sum;
    }
    if is_first {
        note("first is scanned", sum as i64);
    }
    sum
}

/// Adds `by` to each value.
#[track_caller]
pub fn shift(values: &mut [u64], by: u64) {
    note("shifts", by as i64);
    SHIFTED.open();
    for value in values {
        *value = value.wrapping_add(by);
    }
}

// ---- the scenarios

/// What one run is given.
#[derive(Clone, Debug)]
pub struct Input {
    cells: Vec<u64>,
    workers: usize,
    meets: Meets,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meets {
    Nobody,
    AllWorkers,
    /// The first part's scan waits for who shifts too early.
    TheHasty,
}

/// What came of it: the first cell that is wrong.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    wrong: Option<Wrong>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Wrong {
    index: usize,
    is: u64,
    should: u64,
}

/// The situations that an answer is put into.
pub fn scenarios(prefix_sums: Answer) -> Vec<Scenario> {
    let act = move |input: Input| {
        match input.meets {
            Meets::Nobody => {}
            Meets::AllWorkers => drop(PARTIES.fetch_add(input.workers as u64)),
            Meets::TheHasty => drop(IS_SLOW.fetch_add(1)),
        }
        let cells = Array::from_values(input.cells.iter().copied()).expect("a descriptor is free");
        prefix_sums(&cells, input.workers);
        let found = cells.lock().expect("nobody died with it");
        let mut should = 0_u64;
        let wrong = input.cells.iter().zip(&*found).position(|(cell, sum)| {
            should += cell;
            *sum != should
        });
        let wrong = wrong.map(|index| Wrong {
            index,
            is: found[index],
            should,
        });
        Outcome { wrong }
    };
    vec![
        Scenario::new("any number of cells and workers", draw_any, act, judge),
        Scenario::new("a part for each", draw_even, act, judge_overlap),
        Scenario::new("the first part takes long", draw_slow, act, judge),
        Scenario::new("many cells", draw_many, act, judge),
    ]
}

fn cells(draw: &mut Draw, count: usize) -> Vec<u64> {
    let mut cells = draw.list(count, |draw| draw.number(0..=1000));
    if let Some(first) = cells.first_mut() {
        *first = FIRST;
    }
    cells
}

fn draw_any(draw: &mut Draw) -> Input {
    let count = draw.size(60);
    Input {
        cells: cells(draw, count),
        workers: draw.size_in(1..=5),
        meets: Meets::Nobody,
    }
}

/// At least as many cells as workers, and never a multiple.
fn draw_even(draw: &mut Draw) -> Input {
    let workers = draw.size_in(2..=4);
    let count = workers * draw.size_in(1..=20) + draw.number(1..=workers as u64 - 1) as usize;
    Input {
        cells: cells(draw, count),
        workers,
        meets: Meets::AllWorkers,
    }
}

fn draw_slow(draw: &mut Draw) -> Input {
    let workers = draw.size_in(2..=4);
    let count = workers + draw.size_in(1..=40);
    Input {
        cells: cells(draw, count),
        workers,
        meets: Meets::TheHasty,
    }
}

fn draw_many(draw: &mut Draw) -> Input {
    let count = draw.size_in(10_000..=50_000);
    Input {
        cells: cells(draw, count),
        workers: draw.size_in(2..=4),
        meets: Meets::Nobody,
    }
}

// ---- the judges

fn judge(input: &Input, seen: &Evidence<Outcome>, found: &mut Findings) {
    let Some(outcome) = &seen.value else { return };
    let journal = &seen.journal;
    let work = || journal.named("scans").chain(journal.named("shifts"));
    let in_main = work().find(|event| event.pid == seen.main_pid);
    found
        .check("process", Verdict::NotAProcess, in_main.is_none(), || {
            format!(
                "the main process, pid {}, {} a part itself",
                seen.main_pid,
                in_main.map_or("scans", |event| event.name.as_str())
            )
        })
        .at(in_main.and_then(|event| event.location.as_ref()));
    let first = journal.named("first is scanned").next();
    let hasty = first.and_then(|first| journal.named("shifts").find(|shift| shift.seq < first.seq));
    found
        .check("order", Verdict::Race, hasty.is_none(), || {
            let (pid, by) = hasty.map_or((0, 0), |shift| (shift.pid, shift.value));
            format!("pid {pid} shifted its part by {by} while the first part was not scanned yet")
        })
        .show(
            work()
                .filter(|event| hasty.is_some_and(|hasty| event.seq <= hasty.seq))
                .chain(first),
        )
        .at(hasty.and_then(|shift| shift.location.as_ref()));
    let scanned: i64 = journal.named("scans").map(|scan| scan.value).sum();
    let scan = journal
        .named("scans")
        .last()
        .and_then(|scan| scan.location.as_ref());
    found
        .check("sums", Verdict::Wrong, outcome.wrong.is_none(), || {
            let (index, is, should) = outcome
                .wrong
                .map_or((0, 0, 0), |wrong| (wrong.index, wrong.is, wrong.should));
            format!(
                "cell {index} of {} has {is}, and should have {should}; {} workers have scanned {scanned} cells",
                input.cells.len(),
                input.workers
            )
        })
        .show(work())
        .at(scan);
    found
        .check(
            "sums",
            Verdict::Wrong,
            scanned == input.cells.len() as i64,
            || format!("{scanned} cells were scanned, of {}", input.cells.len()),
        )
        .show(work())
        .at(scan);
}

fn judge_overlap(input: &Input, seen: &Evidence<Outcome>, found: &mut Findings) {
    judge(input, seen, found);
    let meetings = seen.meetings("all scan");
    let at_once = seen.gauge("scanning").peak;
    let scan = seen
        .journal
        .named("scans")
        .next()
        .and_then(|scan| scan.location.clone());
    found
        .overlap("overlap", meetings, || {
            format!(
                "{} workers for {} cells, and at most {at_once} of them scanned at the same time",
                input.workers,
                input.cells.len()
            )
        })
        .at(scan.as_ref());
}
