//! The journal: what the processes of an answer did, in one order.
//!
//! [`Journal`] is what a judge reads: the published lines of the log, in the order of their indices. Invariant: it is a copy
//! that nobody changes any more; a line that its writer did not live to publish is not in it.
//! `log` is the shared memory and its protocol, `cells` the rest of that memory; `words` and `image` turn static text into offsets and
//! back; `shake` delays.

pub(crate) mod cells;
mod image;
pub(crate) mod log;
pub(crate) mod shake;
mod words;

use std::fmt;
use std::path::Path;

pub use core_process::probe::Phase;
pub use words::Source;

use log::Log;

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Place in the one order of all events.
    pub seq: u64,
    /// The process that it happened in.
    pub pid: i32,
    /// The thread that it happened in; equal to `pid` for the main thread of a process.
    pub tid: i32,
    /// Who wrote it.
    pub source: Source,
    /// Begin, end, or neither.
    pub phase: Phase,
    /// What happened: `"start"`, `"join"`, `"enter"`, the name given to a note.
    pub name: String,
    /// The name of the gauge, gate, rendezvous or counter that it happened to; the message of a `"panic"`; else empty.
    pub subject: String,
    /// What it happened to; for the library's events about a process, its pid.
    pub object: u64,
    /// A number whose meaning belongs to the name.
    pub value: i64,
    /// The caller's line, where it is known.
    pub location: Option<Place>,
}

/// A line of a source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file as the compiler names it.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// The journal of one run.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    events: Vec<Event>,
    dropped: u64,
}

impl Journal {
    /// Copies what is published in `log`.
    pub(crate) fn read(log: &Log) -> Journal {
        let events = (0..log.position())
            .filter_map(|seq| {
                let entry = log.entry(seq)?;
                let (source, phase) = words::kind_of(entry.kind);
                Some(Event {
                    seq,
                    pid: entry.pid as i32,
                    tid: entry.tid as i32,
                    source,
                    phase,
                    name: log.text_of(entry.name),
                    subject: log.text_of(entry.subject),
                    object: entry.object,
                    value: entry.value,
                    location: words::place_of(entry.location).map(|(file, line)| Place {
                        file: file.to_owned(),
                        line,
                    }),
                })
            })
            .collect();
        Journal {
            events,
            dropped: log.overflow(),
        }
    }

    #[cfg(test)]
    pub(crate) fn of(events: Vec<Event>) -> Journal {
        Journal { events, dropped: 0 }
    }

    /// All events in order.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Events that found the journal full, and are missing.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The events of this name, in order.
    pub fn named<'a>(&'a self, name: &'a str) -> impl DoubleEndedIterator<Item = &'a Event> + Clone {
        self.events.iter().filter(move |event| event.name == name)
    }

    /// The events of one process, in order.
    pub fn by_pid(&self, pid: i32) -> impl DoubleEndedIterator<Item = &Event> + Clone {
        self.events.iter().filter(move |event| event.pid == pid)
    }

    /// The events of one gauge, gate, rendezvous or counter, in order.
    pub fn about<'a>(&'a self, subject: &'a str) -> impl DoubleEndedIterator<Item = &'a Event> + Clone {
        self.events.iter().filter(move |event| event.subject == subject)
    }

    /// Whether `a` can have happened before `b`.
    ///
    /// The order of the journal agrees with happens-before: if `b` could see what `a` did, `a` has the smaller place.
    /// So `false` proves that `b` did not wait for `a`, whatever a clock says; `true` may also be luck.
    pub fn happens_before(&self, a: &Event, b: &Event) -> bool {
        a.seq < b.seq
    }

    /// The operations that began and had not ended, the innermost of each thread last.
    pub fn open(&self) -> Vec<&Event> {
        let mut open: Vec<&Event> = Vec::new();
        for event in &self.events {
            match event.phase {
                Phase::Begin => open.push(event),
                Phase::End => {
                    let same = |begun: &&Event| {
                        begun.tid == event.tid
                            && begun.pid == event.pid
                            && begun.name == event.name
                            && begun.subject == event.subject
                    };
                    if let Some(place) = open.iter().rposition(same) {
                        open.remove(place);
                    }
                }
                Phase::Point => {}
            }
        }
        open
    }

    /// The last panic of a process: its message and line.
    pub fn panic_of(&self, pid: i32) -> Option<&Event> {
        self.by_pid(pid)
            .rfind(|event| event.name == PANIC && event.source == Source::Grader)
    }
}

/// Name of the event that a panic leaves.
pub(crate) const PANIC: &str = "panic";

/// Attaches this process to the journal of its cage, and writes panics there too.
///
/// # Errors
/// The journal cannot be opened.
pub(crate) fn attach(path: &Path) -> std::io::Result<&'static Log> {
    let log = log::attach(path)?;
    let earlier = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        log.append(&log::Line {
            source: Source::Grader,
            phase: Phase::Point,
            name: PANIC,
            subject: panic_message(panic),
            object: 0,
            value: 0,
            location: panic.location(),
        });
        earlier(panic);
    }));
    Ok(log)
}

fn panic_message<'a>(panic: &'a std::panic::PanicHookInfo<'_>) -> &'a str {
    /// More than this of a message helps nobody, and the log's room for text is shared.
    const LONGEST: usize = 400;
    let payload = panic.payload();
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    words::cut(text.unwrap_or("(a value that is no text)"), LONGEST)
}
