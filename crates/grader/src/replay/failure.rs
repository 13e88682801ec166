//! What went wrong in a run that is over: a wrong end, a ring of waits, or somebody who waits for what will not come.
//!
//! Pure: it looks at the state that is left. It does not know by which steps the run came there, except that it names the rows
//! in which a wake-up was missed.

use std::fmt;

use super::program::Act;
use super::run::{Run, State};

/// How a run failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// All have ended, and a shared word is not what it should be.
    WrongEnd {
        /// The word.
        word: &'static str,
        /// What it is.
        value: i64,
        /// What it should be.
        expected: i64,
    },
    /// Each of these processes waits for a lock that the next one has; the last one for one that the first has.
    Deadlock(Vec<Wait>),
    /// These wait for something that nobody will do any more; each with the reason.
    LeftWaiting(Vec<String>),
}

/// A process that waits for a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Who waits.
    pub process: &'static str,
    /// For which lock.
    pub lock: &'static str,
    /// Who has it.
    pub holder: &'static str,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::WrongEnd {
                word,
                value,
                expected,
            } => write!(f, "{word} is {value} at the end, and should be {expected}"),
            Failure::Deadlock(ring) => {
                let waits: Vec<String> = ring
                    .iter()
                    .map(|wait| {
                        format!(
                            "{} waits for {}, which {} has",
                            wait.process, wait.lock, wait.holder
                        )
                    })
                    .collect();
                write!(f, "deadlock: {}", waits.join("; "))
            }
            Failure::LeftWaiting(waits) => write!(f, "{}", waits.join("; ")),
        }
    }
}

/// The failure of a run that is over.
pub(super) fn of(run: &Run<'_>) -> Option<Failure> {
    let left: Vec<usize> = (0..run.processes.len())
        .filter(|process| run.next(*process).is_some())
        .collect();
    if left.is_empty() {
        return wrong_end(run);
    }
    if let Some(ring) = left.iter().find_map(|process| ring(run, *process)) {
        return Some(Failure::Deadlock(ring));
    }
    Some(Failure::LeftWaiting(
        left.iter().map(|process| left_waiting(run, *process)).collect(),
    ))
}

fn wrong_end(run: &Run<'_>) -> Option<Failure> {
    run.program.goals.iter().find_map(|(word, expected)| {
        let value = run.history(word).last()?.1;
        (value != *expected).then_some(Failure::WrongEnd {
            word,
            value,
            expected: *expected,
        })
    })
}

/// The ring of waits that leads from a process back to it.
fn ring(run: &Run<'_>, start: usize) -> Option<Vec<Wait>> {
    let name = |process: usize| run.program.processes[process].name;
    let mut ring = Vec::new();
    let mut process = start;
    while ring.len() < run.processes.len() {
        let (_, Act::Take(lock)) = run.next(process)? else {
            return None;
        };
        let holder = run.holder(lock)?;
        ring.push(Wait {
            process: name(process),
            lock,
            holder: name(holder),
        });
        if holder == start {
            return Some(ring);
        }
        process = holder;
    }
    None
}

/// What a process that cannot do its next step waits for, as a remark.
pub(super) fn waits_for(run: &Run<'_>, process: usize) -> Option<String> {
    match run.next(process)?.1 {
        Act::Take(lock) => {
            let holder = run.program.processes[run.holder(lock)?].name;
            Some(format!("{holder} has {lock}"))
        }
        Act::Await(word, _) => Some(format!("{word} is {}", run.history(word).last()?.1)),
        _ => None,
    }
}

fn left_waiting(run: &Run<'_>, process: usize) -> String {
    let name = run.program.processes[process].name;
    match run.next(process).map(|(_, act)| act) {
        Some(Act::Take(lock)) => {
            let holder = run
                .holder(lock)
                .map_or("nobody", |holder| run.program.processes[holder].name);
            format!("{name} waits for {lock} for ever; {holder} has it and cannot give it back")
        }
        Some(Act::Await(word, value)) => {
            let history = run.history(word);
            let was = history.iter().position(|(row, now)| *row > 0 && *now == value);
            match was.and_then(|at| Some((history[at].0, history.get(at + 1)?.0))) {
                Some((from, to)) => {
                    format!("{name} waits for {word} = {value} for ever: it was so from {from} to {to}")
                }
                None => format!("{name} waits for {word} = {value} for ever"),
            }
        }
        Some(Act::Sleep(bell)) => {
            let place = |wanted: &str| run.rows.iter().position(|row| row.text.ends_with(wanted));
            match place(&format!("ring {bell}")) {
                Some(rung) if run.processes[process].state == State::Asleep => {
                    format!(
                        "{name} sleeps for ever: {bell} was rung in {}, before it slept",
                        rung + 1
                    )
                }
                _ => format!("{name} sleeps for ever"),
            }
        }
        _ => format!("{name} can go on"),
    }
}
