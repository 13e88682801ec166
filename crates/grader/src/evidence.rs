//! What is known about one run: the answer's value, the journal, and the kernel's own record of its processes.
//!
//! Invariant: nothing here is taken from what the answer says about itself, except its value and its output. Who ran where,
//! and how it ended, comes from the kernel; what happened in which order comes from the journal, into whose order the kernel's
//! facts are placed. It does not know what is right.

use std::collections::BTreeSet;
use std::time::Duration;

use core_process::Status;

use crate::cage::{Leftovers, ProcessRecord};
use crate::inject::Injected;
use crate::journal::{Journal, Phase, Source};
use crate::work::{ENTER, GATE, LEAVE, MEET, REST, Rest};
use crate::{Event, Place};

/// What is known about one run of an answer that returned an `R`.
#[derive(Debug)]
pub struct Evidence<R> {
    /// What the answer's function returned; `None` for a program, or if it did not return.
    pub value: Option<R>,
    /// What happened, in order.
    pub journal: Journal,
    /// Every process of the answer in the order of birth, the main one first; the library's own helpers are not among them.
    pub processes: Vec<ProcessRecord>,
    /// Processes that the library keeps for itself (the fork server).
    pub helpers: Vec<ProcessRecord>,
    /// The process that ran the answer.
    pub main_pid: i32,
    /// How it ended.
    pub exit: Option<Status>,
    /// Processor time that the main process used between the call of the answer and its return, its children not counted: what
    /// tells a wait that asks again and again from one that sleeps. `None` if it did not return.
    pub cpu: Option<Duration>,
    /// What all processes wrote to the standard output.
    pub stdout: String,
    /// What all processes wrote to the standard error.
    pub stderr: String,
    /// What was still there after the main process had ended.
    pub leftovers: Leftovers,
    /// Faults that were injected.
    pub injected: Vec<Injected>,
    /// False where the kernel's record is not exact, because ptrace is not permitted here: a short life may be missing.
    pub exact: bool,
}

/// Who was inside a gauge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The most that were inside at the same time.
    pub peak: usize,
    /// Who was inside when it was the most, by pid, in the order in which they came.
    pub at_peak: Vec<i32>,
    /// Place in the journal of the entry that made the peak.
    pub peak_seq: u64,
    /// How often somebody went inside.
    pub entries: usize,
    /// The processes that were ever inside.
    pub pids: BTreeSet<i32>,
}

/// How the meetings at a rendezvous, or the waits at a gate, ended, counted by party.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meetings {
    /// Parties that met the others, or for whom the gate was opened.
    pub met: usize,
    /// Parties whose others could not come any more, or who nobody could open for: what must overlap did not.
    pub missed: usize,
    /// Parties that left while others still moved. Nothing follows from these: skip the check.
    pub undecided: usize,
}

impl Meetings {
    /// Whether all met: `None` when some left undecided, and none is known to have missed the others.
    pub fn all_met(&self) -> Option<bool> {
        if self.missed > 0 {
            return Some(false);
        }
        (self.undecided == 0).then_some(true)
    }
}

impl<R> Evidence<R> {
    /// The same evidence with another value.
    pub(crate) fn with_value<T>(self, value: Option<T>) -> Evidence<T> {
        Evidence {
            value,
            journal: self.journal,
            processes: self.processes,
            helpers: self.helpers,
            main_pid: self.main_pid,
            exit: self.exit,
            cpu: self.cpu,
            stdout: self.stdout,
            stderr: self.stderr,
            leftovers: self.leftovers,
            injected: self.injected,
            exact: self.exact,
        }
    }

    /// The reading of the gauge of this name (of number 0; see [`Evidence::gauge_number`]).
    pub fn gauge(&self, name: &str) -> Reading {
        self.gauge_number(name, 0)
    }

    /// The reading of one of many gauges of the same name.
    ///
    /// A process that died inside is out from the place of its death on.
    pub fn gauge_number(&self, name: &str, number: u64) -> Reading {
        let ends: Vec<(i32, u64)> = self
            .processes
            .iter()
            .filter_map(|process| process.ended_at.map(|at| (process.pid, at)))
            .collect();
        read_gauge(&self.journal, name, number, &ends)
    }

    /// How the meetings at the rendezvous of this name ended, all its numbers together.
    pub fn meetings(&self, name: &str) -> Meetings {
        self.waits(name, MEET)
    }

    /// How the waits at the gates of this name ended, all its numbers together.
    pub fn gate(&self, name: &str) -> Meetings {
        self.waits(name, GATE)
    }

    /// What [`watch_rest`](crate::work::watch_rest) saw of a process; of several watches the worst.
    pub fn rest(&self, pid: i32) -> Option<Rest> {
        let watches = self
            .journal
            .named(REST)
            .filter(|event| event.object == pid as u64);
        watches
            .max_by_key(|event| event.value)
            .map(|event| match event.value {
                0 => Rest::Asleep,
                steps => u32::try_from(steps).map_or(Rest::Undecided, Rest::Awake),
            })
    }

    /// How the waits of one kind ended.
    fn waits(&self, name: &str, kind: &str) -> Meetings {
        let mut waits = Meetings::default();
        for event in self
            .journal
            .about(name)
            .filter(|event| event.name == kind && event.phase == Phase::End)
        {
            match event.value {
                1 => waits.met += 1,
                0 => waits.missed += 1,
                _ => waits.undecided += 1,
            }
        }
        waits
    }

    /// The kernel's record of a process.
    pub fn process(&self, pid: i32) -> Option<&ProcessRecord> {
        self.processes.iter().find(|process| process.pid == pid)
    }

    /// All processes but the main one, in the order of birth.
    pub fn descendants(&self) -> impl Iterator<Item = &ProcessRecord> {
        self.processes
            .iter()
            .filter(|process| process.pid != self.main_pid)
    }

    /// The processes whose parent at their birth was `pid`.
    pub fn children_of(&self, pid: i32) -> impl Iterator<Item = &ProcessRecord> {
        self.processes
            .iter()
            .filter(move |process| process.ppid == pid && process.pid != pid)
    }

    /// Whether `pid` is the main process's child, or a child of one.
    pub fn is_descendant(&self, pid: i32) -> bool {
        self.descendants().any(|process| process.pid == pid)
    }

    /// Where in the answer a process was started, if the library's journal says so.
    pub fn started_at(&self, pid: i32) -> Option<&Place> {
        started_at(&self.journal, pid)
    }
}

/// Where in the answer a process was started.
pub(crate) fn started_at(journal: &Journal, pid: i32) -> Option<&Place> {
    let start = |event: &&Event| {
        event.source == Source::Library && event.name == "start" && event.object == pid as u64
    };
    journal.events().iter().find(start)?.location.as_ref()
}

fn read_gauge(journal: &Journal, name: &str, number: u64, ends: &[(i32, u64)]) -> Reading {
    let mut reading = Reading::default();
    // One entry per stay: a thread, or the same thread twice.
    let mut inside: Vec<(i32, i32)> = Vec::new();
    for event in journal.about(name).filter(|event| event.object == number) {
        inside.retain(|(pid, _)| !ends.iter().any(|(dead, at)| dead == pid && *at <= event.seq));
        if event.name == ENTER {
            inside.push((event.pid, event.tid));
            reading.entries += 1;
            reading.pids.insert(event.pid);
            if inside.len() > reading.peak {
                reading.peak = inside.len();
                reading.at_peak = inside.iter().map(|(pid, _)| *pid).collect();
                reading.peak_seq = event.seq;
            }
        } else if event.name == LEAVE {
            // A guard may be dropped by another thread of its process than the one that made it.
            let own = inside.iter().rposition(|stay| *stay == (event.pid, event.tid));
            if let Some(place) = own.or_else(|| inside.iter().rposition(|(pid, _)| *pid == event.pid)) {
                inside.remove(place);
            }
        }
    }
    reading
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(seq: u64, pid: i32, name: &str) -> Event {
        Event {
            seq,
            pid,
            tid: pid,
            source: Source::Work,
            phase: Phase::Point,
            name: name.into(),
            subject: "jobs".into(),
            object: 0,
            value: 0,
            location: None,
        }
    }

    #[test]
    fn the_peak_is_who_was_inside_together() {
        let journal = Journal::of(vec![
            event(0, 10, ENTER),
            event(1, 11, ENTER),
            event(2, 10, LEAVE),
            event(3, 12, ENTER),
            event(4, 13, ENTER),
            event(5, 13, LEAVE),
        ]);
        let reading = read_gauge(&journal, "jobs", 0, &[]);
        assert_eq!((reading.peak, reading.entries, reading.peak_seq), (3, 4, 4));
        assert_eq!(reading.at_peak, [11, 12, 13]);
        assert_eq!(read_gauge(&journal, "jobs", 1, &[]), Reading::default());
        assert_eq!(read_gauge(&journal, "other", 0, &[]), Reading::default());
    }

    #[test]
    fn a_process_that_died_inside_is_out() {
        let journal = Journal::of(vec![event(0, 10, ENTER), event(3, 11, ENTER)]);
        assert_eq!(read_gauge(&journal, "jobs", 0, &[]).peak, 2);
        assert_eq!(read_gauge(&journal, "jobs", 0, &[(10, 2)]).peak, 1);
        assert_eq!(read_gauge(&journal, "jobs", 0, &[(10, 4)]).peak, 2);
    }
}
