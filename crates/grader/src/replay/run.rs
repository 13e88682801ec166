//! A run: the state of a program between two steps, and how a step changes it.
//!
//! Invariant: every step that was done is a row, and a row's place in the list is its number, from 1 on. A process does its own
//! steps in their order; a step that cannot be done yet leaves the process before it, waiting. It does not know how a row looks.

use std::fmt;

use super::failure::{self, Failure};
use super::program::{Act, Program};

/// A program that has been run so far.
#[derive(Clone, Debug)]
pub struct Run<'p> {
    pub(super) program: &'p Program,
    pub(super) words: Vec<Word>,
    pub(super) holders: Vec<Option<usize>>,
    pub(super) processes: Vec<Process>,
    pub(super) rows: Vec<Row>,
}

/// A shared word now: its value, all values that it had, with the rows that made them, and who wrote it last.
#[derive(Clone, Debug)]
pub(super) struct Word {
    pub(super) value: i64,
    pub(super) history: Vec<(usize, i64)>,
    pub(super) writer: Option<usize>,
}

/// Where a process is.
#[derive(Clone, Debug)]
pub(super) struct Process {
    pub(super) next: usize,
    pub(super) state: State,
    pub(super) read: Option<Reading>,
}

/// What a process remembers: the value, the word that it came from, and the row in which it was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) value: i64,
    pub(super) word: usize,
    pub(super) row: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Its next step has not been tried.
    Ready,
    /// Its next step was tried, and could not be done.
    Waiting,
    /// It sleeps at a bell.
    Asleep,
    /// The bell was rung while it slept.
    Woken,
    /// It has done all its steps.
    Ended,
}

/// One step, as it was done or tried.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) process: usize,
    pub(super) text: String,
    pub(super) is_done: bool,
    pub(super) note: Option<String>,
    /// What each process is after it.
    pub(super) states: Vec<State>,
    /// What each word and each lock is after it.
    pub(super) shared: Vec<String>,
}

/// A schedule that no run of the program can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Illegal {
    /// Place in the schedule, from 1 on.
    pub place: usize,
    /// The step that cannot stand there.
    pub step: String,
    /// Why.
    pub why: String,
}

impl fmt::Display for Illegal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot be step {}: {}", self.step, self.place, self.why)
    }
}

impl std::error::Error for Illegal {}

impl<'p> Run<'p> {
    /// The program before its first step.
    pub fn new(program: &'p Program) -> Run<'p> {
        let word = |(_, initial): &(&str, i64)| Word {
            value: *initial,
            history: vec![(0, *initial)],
            writer: None,
        };
        let process = Process {
            next: 0,
            state: State::Ready,
            read: None,
        };
        Run {
            program,
            words: program.words.iter().map(word).collect(),
            holders: vec![None; program.locks.len()],
            processes: vec![process; program.processes.len()],
            rows: Vec::new(),
        }
    }

    /// Does the steps of a schedule. When nobody can go on after the last of them, each process that is left tries its next
    /// step once more, so that the run shows what it waits for.
    ///
    /// # Errors
    /// [`Illegal`] at the first step that is unknown, or not the next one of its process.
    pub fn replay<'s>(
        program: &'p Program,
        schedule: impl IntoIterator<Item = &'s str>,
    ) -> Result<Run<'p>, Illegal> {
        let mut run = Run::new(program);
        for id in schedule {
            run.step(id)?;
        }
        run.settle();
        Ok(run)
    }

    /// The steps that can be done now, one of each process that can go on. To fall asleep is such a step; to wait for a lock that
    /// somebody has, or for a word to be what it is not, is none.
    pub fn ready(&self) -> Vec<&'static str> {
        (0..self.processes.len())
            .filter(|process| self.can_go_on(*process))
            .filter_map(|process| self.next(process))
            .map(|(id, _)| id)
            .collect()
    }

    /// Whether nobody can go on: all have ended, or those that are left wait.
    pub fn is_over(&self) -> bool {
        (0..self.processes.len()).all(|process| !self.can_go_on(process))
    }

    /// Whether each process did all its steps in one go, with none of another between them.
    pub fn is_serial(&self) -> bool {
        let mut turns: Vec<usize> = self.rows.iter().map(|row| row.process).collect();
        turns.dedup();
        let mut processes = turns.clone();
        processes.sort_unstable();
        processes.dedup();
        processes.len() == turns.len()
    }

    /// How it failed; `None` when all ended and the shared words are what they should be, or while somebody can go on.
    pub fn failure(&self) -> Option<Failure> {
        self.is_over().then(|| failure::of(self)).flatten()
    }

    /// Does one step; or tries it, and then its process waits. A process that waits tries the same step again when it is
    /// scheduled again.
    ///
    /// # Errors
    /// [`Illegal`] when it is not the next step of its process. Nothing has changed then.
    pub fn step(&mut self, id: &str) -> Result<(), Illegal> {
        let illegal = |why: String| Illegal {
            place: self.rows.len() + 1,
            step: id.to_owned(),
            why,
        };
        let Some(process) = self.program.process_of(id) else {
            return Err(illegal(format!("{} has no such step", self.program.name)));
        };
        let name = self.program.processes[process].name;
        let Some((next, act)) = self.next(process) else {
            return Err(illegal(format!("{name} has ended")));
        };
        if next != id {
            return Err(illegal(match self.processes[process].state {
                State::Waiting | State::Asleep => format!("{name} still waits in {next} ({act})"),
                _ => format!("the next step of {name} is {next} ({act})"),
            }));
        }
        self.perform(process, next, act);
        Ok(())
    }

    /// Lets everybody who is left try his next step, once nobody can go on.
    fn settle(&mut self) {
        if !self.is_over() {
            return;
        }
        for process in 0..self.processes.len() {
            if let (State::Ready, Some((id, act))) = (self.processes[process].state, self.next(process)) {
                self.perform(process, id, act);
            }
        }
    }

    /// The next step of a process.
    pub(super) fn next(&self, process: usize) -> Option<(&'static str, Act)> {
        let Process { next, .. } = self.processes[process];
        self.program.processes[process].steps.get(next).copied()
    }

    pub(super) fn can_go_on(&self, process: usize) -> bool {
        match self.next(process) {
            None => false,
            Some((_, Act::Take(name))) => self.holder(name).is_none(),
            Some((_, Act::Await(name, value))) => self.word(name).1 == value,
            Some((_, Act::Sleep(_))) => self.processes[process].state != State::Asleep,
            Some(_) => true,
        }
    }

    /// What words and locks are now, as they are shown.
    pub(super) fn shared(&self) -> Vec<String> {
        let words = self.words.iter().map(|word| word.value.to_string());
        let locks = self.holders.iter().map(|holder| match holder {
            Some(process) => self.program.processes[*process].name.to_owned(),
            None => "free".to_owned(),
        });
        words.chain(locks).collect()
    }

    /// Place and value of a word. `Program` has checked that it is there.
    pub(super) fn word(&self, name: &str) -> (usize, i64) {
        let place = self.program.words.iter().position(|(word, _)| *word == name);
        let place = place.unwrap_or_default();
        (place, self.words[place].value)
    }

    pub(super) fn history(&self, name: &str) -> &[(usize, i64)] {
        &self.words[self.word(name).0].history
    }

    pub(super) fn holder(&self, lock: &str) -> Option<usize> {
        let place = self.program.locks.iter().position(|name| *name == lock)?;
        self.holders[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doorbell() -> Program {
        Program::new("doorbell")
            .word("parcel", 0)
            .bell("bell")
            .process("P", &[("p1", Act::Write("parcel", 1)), ("p2", Act::Ring("bell"))])
            .process(
                "C",
                &[
                    ("c1", Act::Read("parcel")),
                    ("c2", Act::EndIf(1)),
                    ("c3", Act::Sleep("bell")),
                ],
            )
    }

    fn replay<'p>(program: &'p Program, schedule: &str) -> Result<Run<'p>, Illegal> {
        Run::replay(program, schedule.split(' '))
    }

    #[test]
    fn a_schedule_that_breaks_a_processs_order_is_illegal_at_that_step() {
        let program = doorbell();
        let why = |schedule: &str| replay(&program, schedule).unwrap_err().to_string();
        assert_eq!(
            why("p1 c2"),
            "c2 cannot be step 2: the next step of C is c1 (read parcel)"
        );
        assert_eq!(why("p1 p2 p2"), "p2 cannot be step 3: P has ended");
        assert_eq!(why("x9"), "x9 cannot be step 1: doorbell has no such step");
        assert_eq!(
            why("c1 c2 c3 c1"),
            "c1 cannot be step 4: C still waits in c3 (sleep until bell)"
        );
    }

    #[test]
    fn a_bell_wakes_who_sleeps_and_nobody_who_comes_later() {
        let program = doorbell();
        let slept = replay(&program, "c1 c2 c3 p1 p2 c3").unwrap();
        assert!(slept.is_over() && slept.failure().is_none() && !slept.is_serial());
        let saw = replay(&program, "p1 p2 c1 c2").unwrap();
        assert!(saw.is_over() && saw.failure().is_none() && saw.is_serial());
        let missed = replay(&program, "c1 p1 p2 c2 c3").unwrap();
        assert_eq!(
            missed.failure().unwrap().to_string(),
            "C sleeps for ever: bell was rung in 3, before it slept"
        );
        assert_eq!(
            missed.rows.len(),
            5,
            "its sleep is shown, though the schedule left it out"
        );
    }

    #[test]
    fn who_waits_for_a_word_looks_only_when_it_is_scheduled() {
        let program = Program::new("pulse")
            .word("go", 0)
            .process("W", &[("w1", Act::Await("go", 1))])
            .process("S", &[("s1", Act::Write("go", 1)), ("s2", Act::Write("go", 0))]);
        assert!(replay(&program, "w1 s1 w1 s2").unwrap().failure().is_none());
        let missed = replay(&program, "w1 s1 s2").unwrap();
        assert_eq!(
            missed.failure().unwrap().to_string(),
            "W waits for go = 1 for ever: it was so from 2 to 3"
        );
        assert_eq!(missed.rows[2].note.as_deref(), Some("W did not look in time"));
    }

    #[test]
    fn locks_exclude_and_what_nobody_gives_back_is_waited_for_in_vain() {
        let program = Program::new("locks")
            .lock("m")
            .process("A", &[("a1", Act::Take("m")), ("a2", Act::Give("m"))])
            .process("B", &[("b1", Act::Take("m"))]);
        let run = replay(&program, "a1 b1 b1 a2 b1").unwrap();
        let done: Vec<bool> = run.rows.iter().map(|row| row.is_done).collect();
        assert_eq!(done, [true, false, false, true, true]);
        let kept = replay(&program, "b1").unwrap();
        assert_eq!(
            kept.failure().unwrap().to_string(),
            "A waits for m for ever; B has it and cannot give it back"
        );
        let alone = Program::new("alone")
            .lock("m")
            .process("A", &[("a1", Act::Take("m")), ("a2", Act::Take("m"))]);
        let ring = replay(&alone, "a1").unwrap().failure().unwrap();
        assert_eq!(ring.to_string(), "deadlock: A waits for m, which A has");
    }

    #[test]
    fn what_was_decided_on_an_old_look_is_noted() {
        let program = Program::new("seat")
            .word("seats", 1)
            .process(
                "A",
                &[
                    ("a1", Act::Read("seats")),
                    ("a2", Act::EndIf(0)),
                    ("a3", Act::Add("seats", -1)),
                ],
            )
            .process(
                "B",
                &[
                    ("b1", Act::Read("seats")),
                    ("b2", Act::EndIf(0)),
                    ("b3", Act::Add("seats", -1)),
                ],
            )
            .ends_with("seats", 0);
        let run = replay(&program, "a1 a2 b1 b2 b3 a3").unwrap();
        assert_eq!(
            run.rows[5].note.as_deref(),
            Some("it was 1 when this was decided, in 1")
        );
        assert!(matches!(run.failure(), Some(Failure::WrongEnd { value: -1, .. })));
        let polite = replay(&program, "a1 a2 a3 b1 b2").unwrap();
        assert!(polite.is_over() && polite.failure().is_none());
    }

    #[test]
    fn a_search_of_all_orders_finds_the_failing_ones() {
        fn count(run: &Run<'_>) -> (u32, u32) {
            if run.is_over() {
                return (1, u32::from(run.failure().is_some()));
            }
            run.ready().into_iter().fold((0, 0), |(all, failed), id| {
                let mut later = run.clone();
                later.step(id).unwrap();
                let (more, worse) = count(&later);
                (all + more, failed + worse)
            })
        }
        assert_eq!(count(&Run::new(&doorbell())), (9, 3));
    }
}
