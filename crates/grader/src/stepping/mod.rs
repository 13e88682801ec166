//! A kill after every instruction of an operation that changes anything which outlives the process: fast paths make no system call, so a
//! sweep over calls alone ([`inject`](crate::inject)) does not see them.
//!
//! A victim does an operation one instruction at a time (ptrace). What a killed process leaves is three things: the memory that it
//! shares; the head of its list of robust mutexes, whose links lie in that memory and which the kernel reads at its death; and what
//! system calls have done, such as a wake-up, a packet, a lock on a file. Registers, private memory and what it has read die with it. So
//! if an instruction writes none of the first two and does not enter the kernel, a death before it and a death after it are the
//! same death for everybody else. So one run is stepped through to find the instructions that do, and in each further run the victim
//! runs to the next one of them, does it and is killed: and that is every instruction. ([`Deaths::AtEachInstruction`] kills after
//! each all the same, which takes very long and shows the same.) Then the others use the object.

mod robust_list;
mod victim;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use victim::Victim;

pub use victim::mark;

/// Far longer than anything that is swept; what reaches it has failed.
pub const WATCHDOG: Duration = Duration::from_secs(20);

/// Where a victim is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deaths {
    /// After each instruction that changes what outlives it.
    AtEachChange,
    /// After each instruction.
    AtEachInstruction,
}

/// Parts of a file that others map: what is written there outlives the writer.
#[derive(Debug)]
pub struct Shared {
    file: File,
    parts: Vec<Range<usize>>,
}

impl Shared {
    /// The first `len` bytes of what a descriptor refers to, or all if there are fewer.
    pub fn new(descriptor: OwnedFd, len: usize) -> Self {
        Self::of_parts(descriptor, std::iter::once(0..len).collect())
    }

    /// Where the operation writes, if the whole is too much to be looked at after each instruction.
    pub fn of_parts(descriptor: OwnedFd, parts: Vec<Range<usize>>) -> Self {
        Self {
            file: File::from(descriptor),
            parts,
        }
    }

    fn len(&self) -> usize {
        self.parts.iter().map(Range::len).sum()
    }

    /// What is beyond the end of the file stays as it is.
    fn read(&self, mut to: &mut [u8]) -> io::Result<()> {
        for part in &self.parts {
            let (now, rest) = to.split_at_mut(part.len());
            self.file.read_at(now, part.start as u64)?;
            to = rest;
        }
        Ok(())
    }
}

/// One run's objects and processes.
pub struct Scene {
    /// Where the objects are.
    pub shared: Vec<Shared>,
    /// Calls [`mark`] before the operation and after it.
    pub victim: Box<dyn Fn()>,
    /// Sleep in a futex when the operation begins, without a deadline, which would look once more at its end; say whether they woke as
    /// they should.
    pub sleepers: Vec<Box<dyn Fn() -> bool>>,
    /// After the kill: uses the object; the outcome in words, or what is wrong.
    pub check: Box<dyn FnOnce() -> Result<&'static str, String>>,
    /// When the sleepers have ended, too: what must be true of the end.
    pub end: Box<dyn FnOnce() -> Result<(), String>>,
}

/// A scene and its name in the table.
pub type Named = (&'static str, fn() -> Scene);

/// What a table has come to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Swept {
    /// Rows in which nothing went wrong.
    pub passed: usize,
    /// Rows in which something did.
    pub failed: usize,
    /// Rows that cannot be swept, since ptrace is forbidden.
    pub ignored: usize,
    /// In all rows.
    pub deaths: u64,
}

impl Swept {
    /// A row more.
    pub fn add(&mut self, is_good: bool, deaths: u64) {
        self.passed += usize::from(is_good);
        self.failed += usize::from(!is_good);
        self.deaths += deaths;
    }

    /// Nothing can be swept where ptrace is forbidden.
    pub fn forbidden(rows: usize) -> Self {
        Self {
            ignored: rows,
            ..Self::default()
        }
    }
}

/// Sweeps the scenes whose names are `chosen`, and gives the table to `print`, line by line.
pub fn sweep_all(
    scenes: &[Named],
    deaths: Deaths,
    chosen: impl Fn(&str) -> bool,
    mut print: impl FnMut(String),
) -> Swept {
    let what = match deaths {
        Deaths::AtEachChange => "at every change",
        Deaths::AtEachInstruction => "at every instruction",
    };
    print(format!(
        "{what:34} {:>6} {:>12} {:>4} {:>5}  outcomes",
        "deaths", "instructions", "bad", "s"
    ));
    let mut total = Swept::default();
    for (name, scene) in scenes.iter().filter(|(name, _)| chosen(name)) {
        match sweep(*scene, deaths) {
            Ok(row) => {
                print(format!("{name:34} {row}"));
                row.bad.iter().for_each(|bad| print(format!("    BAD {bad}")));
                total.add(row.bad.is_empty() && row.deaths > 0, row.deaths.into());
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                print(format!("ignored: ptrace is forbidden here: {error}"));
                return Swept::forbidden(scenes.len());
            }
            Err(error) => {
                print(format!("{name:32} {error}"));
                total.add(false, 0);
            }
        }
    }
    total
}

/// What the sweep of one scene has found.
#[derive(Debug)]
struct Row {
    deaths: u32,
    /// Of the run that came through.
    instructions: u64,
    outcomes: BTreeMap<&'static str, u32>,
    bad: Vec<String>,
    time: Duration,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcomes: Vec<String> = self
            .outcomes
            .iter()
            .map(|(what, count)| format!("{count} x {what}"))
            .collect();
        write!(
            f,
            "{:6} {:12} {:4} {:5.1}  {}",
            self.deaths,
            self.instructions,
            self.bad.len(),
            self.time.as_secs_f64(),
            outcomes.join(", ")
        )
    }
}

fn sweep(scene: fn() -> Scene, deaths: Deaths) -> io::Result<Row> {
    let mut row = Row {
        deaths: 0,
        instructions: 0,
        outcomes: BTreeMap::new(),
        bad: Vec::new(),
        time: Duration::ZERO,
    };
    let begin = Instant::now();
    let (mut places, mut instructions) = (Vec::new(), 0);
    // The first run comes through, and is no death.
    row.play(scene(), |victim, shared| {
        (places, instructions) = victim.record(shared)?;
        Ok(true)
    })?;
    row.instructions = instructions;
    row.die(scene, |victim, shared| victim.run_for(0, deaths, shared))?;
    match deaths {
        Deaths::AtEachChange => {
            for (number, place) in (1..).zip(&places) {
                if !row.die(scene, |victim, _| victim.run_to(*place))? {
                    // The run was another one, as runs with others beside them may be: step by step, then.
                    row.die(scene, |victim, shared| victim.run_for(number, deaths, shared))?;
                }
            }
        }
        Deaths::AtEachInstruction => {
            let mut number = 1;
            while row.die(scene, |victim, shared| victim.run_for(number, deaths, shared))? {
                number += 1;
            }
        }
    }
    row.time = begin.elapsed();
    Ok(row)
}

impl Row {
    /// A run whose victim is killed somewhere inside; whether it was.
    fn die(
        &mut self,
        scene: fn() -> Scene,
        run: impl FnOnce(&mut Victim, &[Shared]) -> io::Result<bool>,
    ) -> io::Result<bool> {
        let is_inside = self.play(scene(), run)?;
        self.deaths += u32::from(is_inside);
        Ok(is_inside)
    }

    /// One run of a scene, and what came of it.
    fn play(
        &mut self,
        scene: Scene,
        run: impl FnOnce(&mut Victim, &[Shared]) -> io::Result<bool>,
    ) -> io::Result<bool> {
        let mut victim = Victim::start(scene.victim)?;
        let sleepers = scene
            .sleepers
            .into_iter()
            .map(victim::sleeper)
            .collect::<io::Result<Vec<_>>>()?;
        let is_inside = run(&mut victim, &scene.shared)?;
        victim.kill();
        let check = (scene.check)();
        let slept: Vec<bool> = sleepers
            .iter()
            .map(|sleeper| sleeper.join_timeout(WATCHDOG).is_ok_and(|woke| woke))
            .collect();
        if !slept.iter().all(|woke| *woke) {
            self.bad
                .push(format!("death {}: a sleeper was left asleep", self.deaths));
            for sleeper in &sleepers {
                let _ = sleeper.kill();
                let _ = sleeper.wait();
            }
        }
        match check.and_then(|outcome| (scene.end)().map(|()| outcome)) {
            Ok(outcome) => *self.outcomes.entry(outcome).or_default() += 1,
            Err(wrong) => self.bad.push(format!("death {}: {wrong}", self.deaths)),
        }
        Ok(is_inside)
    }
}
