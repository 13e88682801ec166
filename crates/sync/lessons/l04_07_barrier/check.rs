//! Checks of lesson 4.7: workers that compute a board together, each of them late once, and one of them failing.
//!
//! A worker that is late stays in the middle of its cell until all others sleep or are gone. So whoever does not wait for it goes on, for
//! certain, and the board has seen it.

#[path = "check/board.rs"]
mod board;
#[path = "check/story.rs"]
mod story;

use std::collections::BTreeSet;

use grader::{Draw, Event, Evidence, Findings, Scenario, Verdict};
use serde::{Deserialize, Serialize};

pub use board::{Board, Failed};
use board::{How, Plan, alone};
use story::story;

/// What the learner writes: lets the board live through the rounds, with so many workers, and says how each one's work ended.
pub type Answer = fn(board: Board, workers: usize, rounds: usize) -> Vec<End>;

/// How a worker's work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum End {
    /// It has done all rounds.
    Finished,
    /// It could not compute a cell.
    Failed,
    /// It gave up, because another one had failed or died.
    Stopped,
    /// Its process died.
    Died,
}

/// What one run is given.
pub struct Input {
    picture: Vec<u64>,
    workers: usize,
    rounds: usize,
    plan: Plan,
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Outcome {
    ends: Vec<End>,
    rounds: u64,
    picture: Vec<u64>,
}

/// The situations that an answer is put into.
pub fn scenarios(run: Answer) -> Vec<Scenario> {
    let act = move |input: Input| {
        let board = Board::new(&input.picture, input.plan);
        let ends = run(board.clone(), input.workers, input.rounds);
        Outcome {
            ends,
            rounds: board.rounds(),
            picture: board.present(),
        }
    };
    vec![
        Scenario::new("each worker is late once", draw_late, act, judge),
        Scenario::new("the swap is late", draw_late_swap, act, judge),
        Scenario::new("all compute at the same time", draw_meet, act, judge),
        Scenario::new("more workers than cells", draw_few_cells, act, judge),
        Scenario::new("any sizes", draw_any, act, judge),
        Scenario::new("one cannot compute a cell", draw_fails, act, judge),
        Scenario::new("one is killed", draw_killed, act, judge),
    ]
}

fn picture(draw: &mut Draw, cells: usize) -> Vec<u64> {
    draw.list(cells, |draw| draw.number(0..=1_000_000))
}

/// Some workers with some cells each.
fn draw_with(draw: &mut Draw, plan: impl Fn(&mut Draw, &Input) -> Plan) -> Input {
    let workers = draw.size_in(2..=4);
    let cells = workers * draw.size_in(1..=5);
    let rounds = workers + draw.size(3);
    let mut input = Input {
        picture: picture(draw, cells),
        workers,
        rounds,
        plan: Plan::Quiet,
    };
    input.plan = plan(draw, &input);
    input
}

fn draw_late(draw: &mut Draw) -> Input {
    draw_with(draw, |_, _| Plan::EachIsLate)
}

fn draw_late_swap(draw: &mut Draw) -> Input {
    draw_with(draw, |_, _| Plan::TheSwapIsLate)
}

fn draw_meet(draw: &mut Draw) -> Input {
    draw_with(draw, |_, input| Plan::AllMeet {
        workers: input.workers as u32,
    })
}

fn draw_few_cells(draw: &mut Draw) -> Input {
    let cells = draw.size_in(1..=3);
    let workers = cells + draw.size_in(1..=3);
    let rounds = draw.size_in(1..=5);
    Input {
        picture: picture(draw, cells),
        workers,
        rounds,
        plan: Plan::Quiet,
    }
}

fn draw_any(draw: &mut Draw) -> Input {
    let cells = draw.size(30);
    let workers = draw.size_in(1..=6);
    let rounds = draw.size(12);
    Input {
        picture: picture(draw, cells),
        workers,
        rounds,
        plan: Plan::Quiet,
    }
}

fn draw_fails(draw: &mut Draw) -> Input {
    draw_with(draw, |draw, input| fails(draw, input, How::IsTold))
}

fn draw_killed(draw: &mut Draw) -> Input {
    draw_with(draw, |draw, input| fails(draw, input, How::IsKilled))
}

/// Some cell, in any round but the last.
fn fails(draw: &mut Draw, input: &Input, how: How) -> Plan {
    Plan::Fails {
        round: draw.number(0..=input.rounds as u64 - 2),
        cell: draw.number(0..=input.picture.len() as u64 - 1) as usize,
        how,
    }
}

fn judge(input: &Input, seen: &Evidence<Outcome>, found: &mut Findings) {
    let Some(outcome) = &seen.value else { return };
    let lines = || story(seen);
    let first = |name: &str| seen.journal.events().iter().find(|event| event.name == name);

    judge_workers(input, seen, found);
    judge_ends(input, seen, outcome, found);

    let early = first("too early").or_else(|| first("swapped under it"));
    found
        .check("all", Verdict::Race, early.is_none(), || {
            early.map_or_else(String::new, |event| match event.name.as_str() {
                "too early" => format!(
                    "pid {} swapped before cell {} was computed",
                    event.pid, event.value
                ),
                _ => format!(
                    "the pictures were swapped while pid {} was computing cell {}",
                    event.pid, event.value
                ),
            })
        })
        .show_lines(lines)
        .at(early.and_then(|event| event.location.as_ref()));

    let twice = first("twice");
    found
        .check("swapped", Verdict::Race, twice.is_none(), || {
            twice.map_or_else(String::new, |event| {
                format!(
                    "pid {} computed cell {} twice from the same picture: it began a round before the swap",
                    event.pid, event.value
                )
            })
        })
        .show_lines(lines)
        .at(twice.and_then(|event| event.location.as_ref()));

    if matches!(input.plan, Plan::AllMeet { .. }) {
        let meetings = seen.meetings("first cells");
        found
            .overlap("together", meetings, || {
                format!(
                    "{} workers did not meet in the middle of their first cells: one ended before another began",
                    meetings.missed
                )
            })
            .show_lines(lines);
    }

    if let Plan::Fails { round, .. } = input.plan {
        found
            .check("picture", Verdict::Wrong, outcome.rounds <= round, || {
                format!(
                    "the pictures were swapped {} times, though round {} was never complete",
                    outcome.rounds,
                    round + 1
                )
            })
            .show_lines(lines);
    } else {
        let expected = alone(&input.picture, input.rounds as u64);
        // Of a board without cells all pictures are alike.
        let swapped = outcome.rounds == input.rounds as u64 || expected.is_empty();
        let right = swapped && outcome.picture == expected;
        found
            .check("picture", Verdict::Wrong, right, || {
                if !swapped {
                    return format!(
                        "the pictures were swapped {} times in {} rounds",
                        outcome.rounds, input.rounds
                    );
                }
                let cell = (0..expected.len()).find(|cell| expected[*cell] != outcome.picture[*cell]);
                let cell = cell.unwrap_or(0);
                format!(
                    "cell {cell} is {} after {} rounds, should be {}",
                    outcome.picture[cell], input.rounds, expected[cell]
                )
            })
            .show_lines(lines);
    }
}

/// Who computed: processes, and the same ones in all rounds.
fn judge_workers(input: &Input, seen: &Evidence<Outcome>, found: &mut Findings) {
    let begins = |event: &&Event| event.name == "begins" || event.name == "fails";
    let pids: BTreeSet<i32> = seen
        .journal
        .events()
        .iter()
        .filter(begins)
        .map(|event| event.pid)
        .collect();
    let here = pids.contains(&seen.main_pid);
    found
        .check("processes", Verdict::NotAProcess, !here, || {
            format!("the main process (pid {}) computed cells", seen.main_pid)
        })
        .show_lines(|| story(seen));
    found
        .check("workers", Verdict::Limit, pids.len() <= input.workers, || {
            format!(
                "{} processes computed, {} workers were asked for",
                pids.len(),
                input.workers
            )
        })
        .show_lines(|| story(seen));
}

/// What is reported of the workers.
fn judge_ends(input: &Input, seen: &Evidence<Outcome>, outcome: &Outcome, found: &mut Findings) {
    let failed = seen.journal.named("fails").next();
    let mut expected = match input.plan {
        Plan::Fails { how, .. } => {
            let mut ends = vec![End::Stopped; input.workers];
            ends[0] = match how {
                How::IsTold => End::Failed,
                How::IsKilled => End::Died,
            };
            ends
        }
        _ => vec![End::Finished; input.workers],
    };
    let mut ends = outcome.ends.clone();
    expected.sort_unstable();
    ends.sort_unstable();
    found
        .check("ends", Verdict::Wrong, ends == expected, || {
            let happened = failed.map_or_else(
                || "nothing failed".to_owned(),
                |event| match input.plan {
                    Plan::Fails {
                        how: How::IsKilled, ..
                    } => format!("pid {} was killed in round {}", event.pid, event.value),
                    _ => format!("pid {} failed in round {}", event.pid, event.value),
                },
            );
            format!(
                "{happened}; the ends of {} workers are reported as {:?}",
                input.workers, outcome.ends
            )
        })
        .show_lines(|| story(seen));
}
