//! What the journal says of sensors and clerks: who measured and filed what, and in which order, as values and as lines.
//!
//! Invariant: a deed is two notes of one thread, one after the other: who, and the reading. It does not know what is right.

use std::collections::BTreeMap;

use grader::Event;

use super::{Input, Seen};

/// A line of a sensor or a clerk.
pub(super) struct Deed<'a> {
    pub(super) event: &'a Event,
    /// The number of the sensor or of the clerk.
    pub(super) who: u32,
    pub(super) reading: u64,
}

/// The notes of this name, each with the reading that follows in the same process.
pub(super) fn deeds<'a>(seen: &'a Seen, name: &'static str) -> Vec<Deed<'a>> {
    let mut last: BTreeMap<i32, &Event> = BTreeMap::new();
    let mut deeds = Vec::new();
    for event in seen.journal.events() {
        if event.name == "measured" || event.name == "filed" {
            last.insert(event.tid, event);
        } else if event.name == "is"
            && let Some(event_before) = last.remove(&event.tid)
            && event_before.name == name
        {
            deeds.push(Deed {
                event: event_before,
                who: event_before.value as u32,
                reading: event.value as u64,
            });
        }
    }
    deeds
}

/// What sensors and clerks did, in order, and how their processes ended; around a reading, if one is of interest.
pub(super) fn story(input: &Input, seen: &Seen, about: Option<u64>) -> Vec<String> {
    const MOST: usize = 16;
    let mut told: Vec<(u64, Option<u64>, String)> = Vec::new();
    let mut roles: BTreeMap<i32, String> = BTreeMap::new();
    for (name, kind, does) in [("measured", "sensor", "measures"), ("filed", "clerk", "files")] {
        for deed in deeds(seen, name) {
            let pid = deed.event.pid;
            let role = format!("{kind} {}", deed.who);
            let line = format!("pid {pid} ({role}) {does} {}", deed.reading);
            told.push((deed.event.seq, Some(deed.reading), line));
            roles.insert(pid, role);
        }
    }
    for process in seen.descendants() {
        if let (Some(at), Some(status)) = (process.ended_at, process.status) {
            let role = roles.get(&process.pid).cloned().unwrap_or_else(|| {
                if input.clerks.len() == 1 {
                    "the clerk".to_owned()
                } else {
                    "without a reading".to_owned()
                }
            });
            told.push((at, None, format!("pid {} ({role}) {status}", process.pid)));
        }
    }
    told.sort_by_key(|(at, _, _)| *at);
    let middle = about
        .and_then(|reading| told.iter().rposition(|(_, about, _)| *about == Some(reading)))
        .unwrap_or(0);
    let from = (middle + 8)
        .saturating_sub(MOST)
        .min(told.len().saturating_sub(MOST));
    let mut lines: Vec<String> = Vec::new();
    if from > 0 {
        lines.push(format!("({from} earlier lines)"));
    }
    let mark = |(_, reading, line): &(u64, Option<u64>, String)| {
        if about.is_some() && *reading == about {
            format!("{line}   <- this one")
        } else {
            line.clone()
        }
    };
    lines.extend(told.iter().skip(from).take(MOST).map(mark));
    lines
}
