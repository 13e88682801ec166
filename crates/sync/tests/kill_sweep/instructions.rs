//! A kill after every instruction of each operation that changes anything which outlives the process: the fast paths make no system call,
//! so a sweep over calls alone would not see them.
//!
//! A victim does an operation one instruction at a time (ptrace). What a killed process leaves is three things: the memory that it
//! shares; the head of its list of robust mutexes, whose links lie in that memory and which the kernel reads at its death; and what
//! system calls have done, such as a wake-up. Registers, private memory and what it has read die with it. So if an
//! instruction writes none of the first two and does not enter the kernel, a death before it and a death after it are the same death
//! for everybody else: in run k the victim is killed after the k-th instruction that does, until it comes through, and that is
//! every instruction. (`SYNC_SWEEP_EVERY_INSTRUCTION=1` kills after each all the same, which takes a quarter of an hour and
//! shows the same.) Then the others use the object: a sleeper must wake, the lock must pass on, every permit must be back.

use std::collections::BTreeMap;

use crate::Swept;
use crate::scenes::{self, SCENES, WATCHDOG};
use crate::victim::{self, Reached, Victim};

/// Prints the table.
pub(crate) fn sweep_all(chosen: impl Fn(&str) -> bool) -> Swept {
    let what = if victim::kills_at_each() {
        "at every instruction"
    } else {
        "at every change"
    };
    println!(
        "{what:32} {:>6} {:>12} {:>4}  outcomes",
        "deaths", "instructions", "bad"
    );
    let mut total = Swept::default();
    for (name, scene) in SCENES.iter().filter(|(name, _)| chosen(name)) {
        match sweep(*scene) {
            Ok(row) => {
                println!("{name:32} {row}");
                row.bad.iter().for_each(|bad| println!("    BAD {bad}"));
                total.add(row.bad.is_empty() && row.deaths > 0, row.deaths.into());
            }
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                println!("ignored: ptrace is forbidden here: {error}");
                return Swept::forbidden(SCENES.len());
            }
            Err(error) => {
                println!("{name:32} {error}");
                total.add(false, 0);
            }
        }
    }
    total
}

/// What a sweep has found.
struct Row {
    deaths: u32,
    instructions: u64,
    outcomes: BTreeMap<&'static str, u32>,
    bad: Vec<String>,
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let outcomes: Vec<String> = self
            .outcomes
            .iter()
            .map(|(what, count)| format!("{count} x {what}"))
            .collect();
        write!(
            f,
            "{:6} {:12} {:4}  {}",
            self.deaths,
            self.instructions,
            self.bad.len(),
            outcomes.join(", ")
        )
    }
}

fn sweep(scene: fn() -> scenes::Scene) -> std::io::Result<Row> {
    let mut row = Row {
        deaths: 0,
        instructions: 0,
        outcomes: BTreeMap::new(),
        bad: Vec::new(),
    };
    loop {
        let scene = scene();
        let mut victim = Victim::start(scene.victim)?;
        let sleepers: Vec<_> = scene.sleepers.into_iter().map(victim::sleeper).collect();
        let reached = victim.run_to_change(row.deaths, &scene.memory)?;
        victim.kill();
        let check = (scene.check)();
        let slept: Vec<bool> = sleepers
            .iter()
            .map(|sleeper| sleeper.join_timeout(WATCHDOG).is_ok_and(|woke| woke))
            .collect();
        match check {
            Ok(outcome) => *row.outcomes.entry(outcome).or_default() += 1,
            Err(wrong) => row.bad.push(format!("death {}: {wrong}", row.deaths)),
        }
        if !slept.iter().all(|woke| *woke) {
            row.bad
                .push(format!("death {}: a sleeper was left asleep", row.deaths));
            sleepers.iter().for_each(|sleeper| drop(sleeper.kill()));
        }
        if let Reached::End { instructions } = reached {
            row.instructions = instructions;
            return Ok(row);
        }
        row.deaths += 1;
    }
}
