//! The lines under a verdict: what each process did to the ring and what it was told, in the journal's order.

use grader::{Event, Evidence, Place};

use core_process::Signal;
use core_process::probe::Phase;

use super::stage::{Deed, End, OVER, Outcome, Record};

/// So many lines are shown, the last ones.
const SHOWN: usize = 24;

/// What happened, in order, and who sleeps at the end.
pub(super) fn story(seen: &Evidence<Outcome>, outcome: &Outcome) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut repeated = 0;
    for event in until_over(seen) {
        let Some(what) = what(event) else { continue };
        let line = format!("pid {} {what}", pid_of(event));
        if lines.last() == Some(&line) {
            repeated += 1;
            continue;
        }
        lines.extend(again(repeated));
        repeated = 0;
        lines.push(line);
    }
    lines.extend(again(repeated));
    let skipped = lines.len().saturating_sub(SHOWN);
    if skipped > 0 {
        lines.drain(..skipped);
        lines.insert(0, format!("({skipped} earlier lines)"));
    }
    for record in &outcome.records {
        if record.end == End::Slept {
            let why = match open_call(seen, record.pid).map(|event| event.name.as_str()) {
                Some("condition") => " until it gets a notice",
                Some("lock" | "rlock") => " until it gets a lock",
                _ => "",
            };
            lines.push(format!(
                "pid {} sleeps{why}: it {}",
                record.pid,
                wish(record, seen)
            ));
        }
    }
    lines
}

/// The events that count.
pub(super) fn until_over(seen: &Evidence<Outcome>) -> impl Iterator<Item = &Event> {
    let events = seen.journal.events().iter();
    events.take_while(|event| event.name != OVER)
}

fn again(times: usize) -> Option<String> {
    (times > 0).then(|| format!("(the same again, {times} times)"))
}

/// A process's first deed that is not done.
pub(super) fn next_deed(record: &Record, seen: &Evidence<Outcome>) -> Option<Deed> {
    let own = |event: &&Event| event.pid == record.pid as i32 && event.name == "is done";
    let done = until_over(seen).filter(own).count();
    record.deeds.get(done).copied()
}

/// What a process has not got.
pub(super) fn wish(record: &Record, seen: &Evidence<Outcome>) -> String {
    match next_deed(record, seen) {
        Some(Deed::Put(_)) => "has an item to put".to_owned(),
        Some(Deed::Get(1)) => "wants an item".to_owned(),
        Some(Deed::Get(count)) => format!("wants {count} items"),
        None => "has done all".to_owned(),
    }
}

/// The line at which a process waits.
pub(super) fn waits_at(seen: &Evidence<Outcome>, pid: u32) -> Option<&Place> {
    open_call(seen, pid)?.location.as_ref()
}

/// The call of the library that a process has not come back from.
fn open_call(seen: &Evidence<Outcome>, pid: u32) -> Option<&Event> {
    let waits = |event: &&Event| event.pid == pid as i32 && event.name != "target";
    seen.journal.open().into_iter().rfind(waits)
}

/// The process that an event is about: a signal's is the one that gets it.
fn pid_of(event: &Event) -> i32 {
    match event.name.as_str() {
        "signal" => event.object as i32,
        _ => event.pid,
    }
}

fn what(event: &Event) -> Option<String> {
    let items = |count: i64| match count {
        1 => "1 item".to_owned(),
        count => format!("{count} items"),
    };
    let what = match (event.name.as_str(), event.phase) {
        ("comes to put", _) => format!("comes to put {}", event.value),
        ("comes to get", _) => format!("comes to get {}", items(event.value)),
        ("look", _) => format!("looks: {}", items(event.value)),
        ("put", _) => format!("puts {}", event.value),
        ("take", _) => format!("takes {}", event.value),
        ("nothing there", _) => "takes from an empty ring".to_owned(),
        ("no room", _) => format!("has put into a full ring: {} in it", items(event.value)),
        ("together", _) => format!("uses the ring while pid {} changes it", event.value),
        ("is done", _) => "is done".to_owned(),
        ("condition", Phase::Begin) => "waits for a notice".to_owned(),
        ("condition", Phase::End) => "has a notice, and the lock".to_owned(),
        ("notify", _) if event.value == i64::from(u32::MAX) => "gives notice to all".to_owned(),
        ("notify", _) => format!(
            "gives {} notice{}",
            event.value,
            if event.value == 1 { "" } else { "s" }
        ),
        ("signal", _) if event.value == i64::from(Signal::STOP.number()) => {
            "gets no processor for a while".to_owned()
        }
        ("signal", _) if event.value == i64::from(Signal::CONT.number()) => {
            "gets a processor again".to_owned()
        }
        ("signal", _) if event.value == i64::from(Signal::KILL.number()) => "is killed".to_owned(),
        ("panic", _) => format!("panics: {}", event.subject),
        _ => return None,
    };
    Some(what)
}
