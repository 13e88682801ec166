//! A program to be replayed: what its processes share, and the steps of each.
//!
//! Invariant: every name that a step uses was declared, and no two things or steps have the same name. It does not know in
//! which order the steps of different processes are done; that is the schedule's.

use std::fmt;

/// A few processes, and what they share.
#[derive(Clone, Debug)]
pub struct Program {
    pub(super) name: &'static str,
    pub(super) words: Vec<(&'static str, i64)>,
    pub(super) locks: Vec<&'static str>,
    pub(super) bells: Vec<&'static str>,
    pub(super) processes: Vec<Script>,
    pub(super) goals: Vec<(&'static str, i64)>,
}

/// One process: its name and its steps.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) name: &'static str,
    pub(super) steps: Vec<(&'static str, Act)>,
}

/// What a step does. Each is atomic; between two of them any other process may do any number of its own.
///
/// A process remembers one number: what it read last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Reads a shared word and remembers it.
    Read(&'static str),
    /// Stores what was remembered, plus this, in a shared word.
    WriteRead(&'static str, i64),
    /// Stores a number in a shared word.
    Write(&'static str, i64),
    /// Adds to a shared word, all in one.
    Add(&'static str, i64),
    /// Ends the process if what it remembers is this number.
    EndIf(i64),
    /// Takes a lock; waits while another process has it.
    Take(&'static str),
    /// Gives a lock back.
    Give(&'static str),
    /// Waits until a shared word is this number. Who waits looks again when it is its turn, and not before.
    Await(&'static str, i64),
    /// Falls asleep until a bell is rung. A bell that was rung before has not been rung.
    Sleep(&'static str),
    /// Rings a bell: wakes all that sleep at it now.
    Ring(&'static str),
}

impl Program {
    /// A program without anything.
    pub fn new(name: &'static str) -> Program {
        Program {
            name,
            words: Vec::new(),
            locks: Vec::new(),
            bells: Vec::new(),
            processes: Vec::new(),
            goals: Vec::new(),
        }
    }

    /// A shared word, and what it is at first.
    #[must_use]
    #[track_caller]
    pub fn word(mut self, name: &'static str, initial: i64) -> Program {
        self.is_new(name);
        self.words.push((name, initial));
        self
    }

    /// A lock, free at first.
    #[must_use]
    #[track_caller]
    pub fn lock(mut self, name: &'static str) -> Program {
        self.is_new(name);
        self.locks.push(name);
        self
    }

    /// A bell: what a process can sleep at, and another can ring.
    #[must_use]
    #[track_caller]
    pub fn bell(mut self, name: &'static str) -> Program {
        self.is_new(name);
        self.bells.push(name);
        self
    }

    /// A process: its steps in the order in which it does them, each with its id.
    ///
    /// # Panics
    /// If a step's id is not new, or the step names something that was not declared before.
    #[must_use]
    #[track_caller]
    pub fn process(mut self, name: &'static str, steps: &[(&'static str, Act)]) -> Program {
        self.is_new(name);
        for (at, (id, act)) in steps.iter().enumerate() {
            let earlier = steps[..at].iter().any(|(other, _)| other == id);
            assert!(
                !earlier && self.steps().all(|(other, _)| other != *id),
                "two steps have the id {id:?}"
            );
            let declared = match *act {
                Act::Read(word) | Act::WriteRead(word, _) | Act::Write(word, _) | Act::Add(word, _) => {
                    self.has_word(word)
                }
                Act::Await(word, _) => self.has_word(word),
                Act::Take(lock) | Act::Give(lock) => self.locks.contains(&lock),
                Act::Sleep(bell) | Act::Ring(bell) => self.bells.contains(&bell),
                Act::EndIf(_) => true,
            };
            assert!(declared, "step {id}: {act} names what was not declared");
        }
        self.processes.push(Script {
            name,
            steps: steps.to_vec(),
        });
        self
    }

    /// What a shared word has to be when all processes have ended.
    ///
    /// # Panics
    /// If there is no such word.
    #[must_use]
    #[track_caller]
    pub fn ends_with(mut self, word: &'static str, value: i64) -> Program {
        assert!(self.has_word(word), "there is no word {word}");
        self.goals.push((word, value));
        self
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// All steps, process by process.
    pub fn steps(&self) -> impl Iterator<Item = (&'static str, Act)> {
        self.processes
            .iter()
            .flat_map(|process| process.steps.iter().copied())
    }

    /// Place of the process that has this step.
    pub(super) fn process_of(&self, id: &str) -> Option<usize> {
        let has = |process: &Script| process.steps.iter().any(|(step, _)| *step == id);
        self.processes.iter().position(has)
    }

    fn has_word(&self, name: &str) -> bool {
        self.words.iter().any(|(word, _)| *word == name)
    }

    #[track_caller]
    fn is_new(&self, name: &str) {
        let known = self.has_word(name)
            || self.locks.contains(&name)
            || self.bells.contains(&name)
            || self.processes.iter().any(|process| process.name == name);
        assert!(!known, "two things have the name {name}");
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Act::Read(word) => write!(f, "read {word}"),
            Act::WriteRead(word, more) => write!(f, "{word} = read {}", signed(*more)),
            Act::Write(word, value) => write!(f, "{word} = {value}"),
            Act::Add(word, more) => write!(f, "{word} {}", signed(*more)),
            Act::EndIf(value) => write!(f, "end if read = {value}"),
            Act::Take(lock) => write!(f, "take {lock}"),
            Act::Give(lock) => write!(f, "give {lock} back"),
            Act::Await(word, value) => write!(f, "wait for {word} = {value}"),
            Act::Sleep(bell) => write!(f, "sleep until {bell}"),
            Act::Ring(bell) => write!(f, "ring {bell}"),
        }
    }
}

/// `+ 1`, `- 1`.
pub(super) fn signed(number: i64) -> String {
    format!("{} {}", if number < 0 { '-' } else { '+' }, number.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::catch_unwind;

    #[test]
    fn a_program_that_names_what_is_not_there_is_refused() {
        let refused: [fn() -> Program; 5] = [
            || Program::new("word").process("A", &[("a1", Act::Read("counter"))]),
            || {
                Program::new("lock")
                    .word("m", 0)
                    .process("A", &[("a1", Act::Take("m"))])
            },
            || Program::new("twice").word("w", 0).lock("w"),
            || {
                Program::new("ids")
                    .process("A", &[("a1", Act::EndIf(0))])
                    .process("B", &[("a1", Act::EndIf(0))])
            },
            || Program::new("goal").ends_with("w", 1),
        ];
        for program in refused {
            assert!(catch_unwind(program).is_err());
        }
    }

    #[test]
    fn steps_read_as_a_person_would_say_them() {
        assert_eq!(Act::WriteRead("seats", -1).to_string(), "seats = read - 1");
        assert_eq!(Act::Add("ready", 1).to_string(), "ready + 1");
        assert_eq!(Act::Await("flag", 1).to_string(), "wait for flag = 1");
    }
}
