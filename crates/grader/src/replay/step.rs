//! One step of a run: what it changes, and the row that is left of it.
//!
//! Invariant: a step that cannot be done changes nothing but its process, which waits from then on. Remarks are made here, where
//! it is known what was before and what is after; they decide nothing. It does not know whether the step was the next one.

use super::failure;
use super::program::{Act, signed};
use super::run::{Reading, Row, Run, State};

impl Run<'_> {
    /// The row that a step is, or would be.
    pub(super) fn perform(&mut self, process: usize, id: &'static str, act: Act) {
        let row = self.rows.len() + 1;
        let is_done = self.can_go_on(process) && !self.falls_asleep(process, act);
        let mut text = act.to_string();
        let mut note = None;
        if is_done {
            match act {
                Act::Read(name) => {
                    let (word, value) = self.word(name);
                    self.processes[process].read = Some(Reading { value, word, row });
                    text = format!("{text}: {value}");
                }
                Act::WriteRead(name, more) => {
                    let read = self.processes[process].read.map_or(0, |read| read.value);
                    text = format!("{name} = {read} {}", signed(more));
                    note = self
                        .stale(process, name)
                        .map(|(writer, changed)| format!("what {writer} wrote in {changed} is lost"));
                    self.write(process, name, read + more);
                }
                Act::Write(name, value) => {
                    note = self.unseen(name, value);
                    self.write(process, name, value);
                }
                Act::Add(name, more) => {
                    let read = self.processes[process].read;
                    note = self.stale(process, name).zip(read).map(|(_, read)| {
                        format!("it was {} when this was decided, in {}", read.value, read.row)
                    });
                    let value = self.word(name).1 + more;
                    self.write(process, name, value);
                }
                Act::EndIf(value) => {
                    if self.processes[process].read.map(|read| read.value) == Some(value) {
                        // The last of them, so that none is left after it.
                        self.processes[process].next = self.program.processes[process].steps.len() - 1;
                    }
                }
                Act::Take(name) => self.lock(name, |holder| *holder = Some(process)),
                Act::Give(name) => self.lock(name, |holder| {
                    *holder = holder.filter(|holder| *holder != process);
                }),
                Act::Ring(bell) => note = Some(self.ring(bell)),
                Act::Await(..) => {}
                Act::Sleep(bell) => text = format!("wakes up by {bell}"),
            }
            let steps = &self.program.processes[process].steps;
            let next = self.processes[process].next + 1;
            self.processes[process].next = next;
            self.processes[process].state = if next < steps.len() {
                State::Ready
            } else {
                State::Ended
            };
        } else {
            note = failure::waits_for(self, process);
            self.processes[process].state = match act {
                Act::Sleep(_) => State::Asleep,
                _ => State::Waiting,
            };
        }
        self.rows.push(Row {
            process,
            text: format!("{id} {text}"),
            is_done,
            note,
            states: self.processes.iter().map(|process| process.state).collect(),
            shared: self.shared(),
        });
    }

    fn falls_asleep(&self, process: usize, act: Act) -> bool {
        matches!(act, Act::Sleep(_)) && self.processes[process].state == State::Ready
    }

    fn write(&mut self, process: usize, name: &str, value: i64) {
        let row = self.rows.len() + 1;
        let (place, _) = self.word(name);
        let word = &mut self.words[place];
        word.value = value;
        word.history.push((row, value));
        word.writer = Some(process);
    }

    /// Another process's name and row, if it has written the word since this one read it.
    fn stale(&self, process: usize, name: &str) -> Option<(&'static str, usize)> {
        let (place, _) = self.word(name);
        let read = self.processes[process].read.filter(|read| read.word == place)?;
        let word = &self.words[place];
        let (changed, _) = *word.history.last()?;
        let writer = word.writer.filter(|writer| *writer != process)?;
        (changed > read.row).then(|| (self.program.processes[writer].name, changed))
    }

    /// Who waits for the word to be what it is, if it is going to be something else.
    fn unseen(&self, name: &str, value: i64) -> Option<String> {
        let (_, now) = self.word(name);
        let waits = |process: &usize| {
            let awaits =
                self.next(*process).map(|(_, act)| act) == Some(Act::Await(name_of(self, name), now));
            awaits && now != value && self.processes[*process].state == State::Waiting
        };
        let names: Vec<&str> = (0..self.processes.len())
            .filter(waits)
            .map(|process| self.program.processes[process].name)
            .collect();
        (!names.is_empty()).then(|| format!("{} did not look in time", names.join(" and ")))
    }

    fn lock(&mut self, name: &str, change: impl FnOnce(&mut Option<usize>)) {
        if let Some(place) = self.program.locks.iter().position(|lock| *lock == name) {
            change(&mut self.holders[place]);
        }
    }

    fn ring(&mut self, bell: &'static str) -> String {
        let mut woken = Vec::new();
        for process in 0..self.processes.len() {
            let sleeps = self.next(process).map(|(_, act)| act) == Some(Act::Sleep(bell));
            if sleeps && self.processes[process].state == State::Asleep {
                self.processes[process].state = State::Woken;
                woken.push(self.program.processes[process].name);
            }
        }
        if woken.is_empty() {
            "nobody sleeps there".to_owned()
        } else {
            format!("wakes {}", woken.join(" and "))
        }
    }
}

/// The word's own name, which lives as long as the program.
fn name_of(run: &Run<'_>, name: &str) -> &'static str {
    run.program.words[run.word(name).0].0
}
