//! Checks of lesson 4.1: the answer's schedules are replayed step by step, and the run is drawn.
//!
//! The programs are the same on every seed: what is asked for is an order of their steps. Whether a program can fail at all is not
//! said here by hand; every order is tried.

use grader::replay::{Act, Program, Run, diagram};
use grader::{Draw, Evidence, Findings, Scenario, Verdict};
use serde::{Deserialize, Serialize};

/// What the learner writes: an order of the puzzle's steps that makes it fail, or `None` if there is no such order.
pub type Answer = fn(puzzle: Puzzle) -> Option<Vec<&'static str>>;

/// One of the programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Puzzle {
    /// Two processes count; the counter should be 3 at the end.
    Counter,
    /// Two customers, one seat, and a lock.
    Seat,
    /// Two locks, taken in two orders.
    Locks,
    /// One waits for a parcel, the other brings it and rings.
    Doorbell,
    /// Two runners say that they are ready, and a starter gives a short signal.
    Start,
    /// Two processes count with a lock.
    Guarded,
}

impl Puzzle {
    /// The program as data: what its processes share, and their steps.
    pub fn program(self) -> Program {
        match self {
            Puzzle::Counter => counter(),
            Puzzle::Seat => seat(),
            Puzzle::Locks => locks(),
            Puzzle::Doorbell => doorbell(),
            Puzzle::Start => start(),
            Puzzle::Guarded => guarded(),
        }
    }
}

// region counter
fn counter() -> Program {
    Program::new("counter")
        .word("counter", 0)
        .process(
            "A",
            &[
                ("a1", Act::Read("counter")),
                ("a2", Act::WriteRead("counter", 1)),
                ("a3", Act::Read("counter")),
                ("a4", Act::WriteRead("counter", 1)),
            ],
        )
        .process(
            "B",
            &[("b1", Act::Read("counter")), ("b2", Act::WriteRead("counter", 1))],
        )
        .ends_with("counter", 3)
}
// end region

fn seat() -> Program {
    Program::new("seat")
        .word("seats", 1)
        .lock("door")
        // region seat
        .process(
            "A",
            &[
                ("a1", Act::Take("door")),
                ("a2", Act::Read("seats")),
                ("a3", Act::Give("door")),
                ("a4", Act::EndIf(0)),
                ("a5", Act::Take("door")),
                ("a6", Act::Add("seats", -1)),
                ("a7", Act::Give("door")),
            ],
        )
        // end region
        .process(
            "B",
            &[
                ("b1", Act::Take("door")),
                ("b2", Act::Read("seats")),
                ("b3", Act::Give("door")),
                ("b4", Act::EndIf(0)),
                ("b5", Act::Take("door")),
                ("b6", Act::Add("seats", -1)),
                ("b7", Act::Give("door")),
            ],
        )
        .ends_with("seats", 0)
}

fn locks() -> Program {
    Program::new("locks")
        .word("moved", 0)
        .lock("left")
        .lock("right")
        // region locks
        .process(
            "A",
            &[
                ("a1", Act::Take("left")),
                ("a2", Act::Take("right")),
                ("a3", Act::Add("moved", 5)),
                ("a4", Act::Give("right")),
                ("a5", Act::Give("left")),
            ],
        )
        .process(
            "B",
            &[
                ("b1", Act::Take("right")),
                ("b2", Act::Take("left")),
                ("b3", Act::Add("moved", 2)),
                ("b4", Act::Give("left")),
                ("b5", Act::Give("right")),
            ],
        )
        // end region
        .ends_with("moved", 7)
}

fn doorbell() -> Program {
    Program::new("doorbell")
        .word("parcel", 0)
        .bell("bell")
        // region doorbell
        .process(
            "C",
            &[
                ("c1", Act::Read("parcel")),
                ("c2", Act::EndIf(1)),
                ("c3", Act::Sleep("bell")),
            ],
        )
        .process("P", &[("p1", Act::Write("parcel", 1)), ("p2", Act::Ring("bell"))])
        // end region
        .ends_with("parcel", 1)
}

fn start() -> Program {
    Program::new("start")
        .word("ready", 0)
        .word("go", 0)
        // region start
        .process("V", &[("v1", Act::Add("ready", 1)), ("v2", Act::Await("go", 1))])
        .process("W", &[("w1", Act::Add("ready", 1)), ("w2", Act::Await("go", 1))])
        .process(
            "S",
            &[
                ("s1", Act::Await("ready", 2)),
                ("s2", Act::Write("go", 1)),
                ("s3", Act::Write("go", 0)),
            ],
        )
        // end region
        .ends_with("go", 0)
}

fn guarded() -> Program {
    Program::new("guarded")
        .word("counter", 0)
        .lock("door")
        .process(
            "A",
            &[
                ("a1", Act::Take("door")),
                ("a2", Act::Read("counter")),
                ("a3", Act::WriteRead("counter", 1)),
                ("a4", Act::Give("door")),
            ],
        )
        .process(
            "B",
            &[
                ("b1", Act::Take("door")),
                ("b2", Act::Read("counter")),
                ("b3", Act::WriteRead("counter", 1)),
                ("b4", Act::Give("door")),
            ],
        )
        .ends_with("counter", 2)
}

type PuzzleOf = fn(&mut Draw) -> Puzzle;

/// One scenario a puzzle, in the order in which a learner solves them.
pub fn scenarios(schedule: Answer) -> Vec<Scenario> {
    let act = move |puzzle: Puzzle| -> Option<Vec<String>> {
        Some(schedule(puzzle)?.into_iter().map(str::to_owned).collect())
    };
    let puzzles: [(&str, PuzzleOf); 6] = [
        ("Counter", |_| Puzzle::Counter),
        ("Seat", |_| Puzzle::Seat),
        ("Locks", |_| Puzzle::Locks),
        ("Doorbell", |_| Puzzle::Doorbell),
        ("Start", |_| Puzzle::Start),
        ("Guarded", |_| Puzzle::Guarded),
    ];
    puzzles
        .into_iter()
        .map(|(name, draw)| Scenario::new(name, draw, act, judge))
        .collect()
}

/// More steps than any puzzle has, each waited for.
const LONGEST: usize = 40;

fn judge(puzzle: &Puzzle, seen: &Evidence<Option<Vec<String>>>, found: &mut Findings) {
    let Some(answer) = &seen.value else { return };
    let program = puzzle.program();
    let (orders, failing) = orders(&Run::new(&program));
    let Some(schedule) = answer else {
        found.check("fails", Verdict::Wrong, failing == 0, || {
            format!("{puzzle:?}: None says that no order fails; {failing} of its {orders} orders do")
        });
        return;
    };
    let steps = schedule.len();
    found.check("short", Verdict::Limit, steps <= LONGEST, || {
        format!("{puzzle:?}: a schedule of {steps} steps; {LONGEST} are more than enough")
    });
    if steps > LONGEST {
        return;
    }
    let run = match Run::replay(&program, schedule.iter().map(String::as_str)) {
        Ok(run) => run,
        Err(illegal) => {
            let mut so_far = Run::new(&program);
            let legal = &schedule[..illegal.place - 1];
            let all_done = legal.iter().all(|step| so_far.step(step).is_ok());
            found
                .check("legal", Verdict::Race, false, || format!("{puzzle:?}: {illegal}"))
                .show_lines(|| if all_done { diagram(&so_far) } else { Vec::new() });
            return;
        }
    };
    let drawn = diagram(&run);
    let mut check = |id, verdict, held, observed: String| {
        found
            .check(id, verdict, held, || observed)
            .show_lines(|| drawn.clone());
        held
    };
    check("legal", Verdict::Race, true, String::new());
    let not_over = format!(
        "{puzzle:?}: the schedule stops before the run is over: {} can still be done",
        run.ready().join(" or ")
    );
    if !check("whole", Verdict::Wrong, run.is_over(), not_over) {
        return;
    }
    if failing == 0 {
        let protected =
            format!("{puzzle:?}: this order ends as it should, and so do all {orders} that there are");
        check("fails", Verdict::Wrong, false, protected);
        return;
    }
    if run.failure().is_none() {
        let serial = format!("{puzzle:?}: the processes run one after the other, and nothing fails");
        check("mixed", Verdict::Serial, !run.is_serial(), serial);
        let right = format!("{puzzle:?}: this order ends as it should; {failing} of {orders} do not");
        check("fails", Verdict::Wrong, false, right);
        return;
    }
    check("mixed", Verdict::Serial, true, String::new());
    check("fails", Verdict::Wrong, true, String::new());
    found.exhibit([format!("{puzzle:?}:")]);
    found.exhibit(drawn);
    found.exhibit([String::new()]);
}

/// How many orders there are, and how many of them fail. Waits are left out: they change nothing.
fn orders(run: &Run<'_>) -> (u32, u32) {
    if run.is_over() {
        return (1, u32::from(run.failure().is_some()));
    }
    run.ready().into_iter().fold((0, 0), |(all, failing), step| {
        let mut later = run.clone();
        if later.step(step).is_err() {
            return (all, failing);
        }
        let (more, worse) = orders(&later);
        (all + more, failing + worse)
    })
}
