//! Events as lines for people: who did what to whom.
//!
//! Invariant: a line says only what its event says; nothing is concluded. The kernel's births and ends can be merged in, at the
//! places that the tracer gave them.

use core_process::Signal;

use crate::answer;
use crate::cage::ProcessRecord;
use crate::journal::{Event, Journal, PANIC, Phase, Source};
use crate::work::{ENTER, GATE, LEAVE, MEET};

/// One line for each event: `pid 4121 enters "jobs"`.
pub fn lines<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<String> {
    events.into_iter().map(line).collect()
}

/// The whole run: every event, with the births and ends of processes between them.
pub(crate) fn of_run(journal: &Journal, processes: &[ProcessRecord]) -> Vec<String> {
    let mut told: Vec<(u64, u8, String)> = Vec::new();
    for process in processes {
        let name = &process.name;
        let birth = format!("pid {} ({name}) is made by pid {}", process.pid, process.made_by);
        told.push((process.forked_at, 0, birth));
        if let Some(at) = process.ended_at {
            let how = process
                .status
                .map_or_else(|| "ends".to_owned(), |status| status.to_string());
            told.push((at, 1, format!("pid {} ({name}) ends: {how}", process.pid)));
        }
    }
    // What the kernel saw at a position came before the event of that place.
    told.extend(journal.events().iter().map(|event| (event.seq, 2, line(event))));
    told.sort_by_key(|(at, rank, _)| (*at, *rank));
    told.into_iter()
        .map(|(at, _, line)| format!("{at:>6}  {line}"))
        .collect()
}

fn line(event: &Event) -> String {
    let mut line = format!("pid {}", event.pid);
    if event.tid != event.pid {
        line.push_str(&format!(" (thread {})", event.tid));
    }
    line.push(' ');
    line.push_str(&match event.source {
        Source::Library => library(event),
        Source::Work => work(event),
        Source::Grader => grader(event),
    });
    if let (Source::Library, Some(place)) = (event.source, &event.location) {
        line.push_str(&format!("   {}", answer::shown(place)));
    }
    line
}

fn library(event: &Event) -> String {
    let pid = event.object;
    match (event.name.as_str(), event.phase) {
        ("start", _) => format!("starts pid {pid}"),
        ("join" | "wait", Phase::Begin) => format!("waits for pid {pid} to end"),
        ("join" | "wait", Phase::End) => format!("waits for pid {pid} no longer"),
        ("target", Phase::Begin) => "begins its target".to_owned(),
        ("target", Phase::End) => "has ended its target".to_owned(),
        ("signal", _) => match i32::try_from(event.value).ok().and_then(Signal::new) {
            Some(signal) => format!("sends {signal} to pid {pid}"),
            None => format!("sends signal {} to pid {pid}", event.value),
        },
        (name, phase) => match sync(name, phase) {
            Some(does) => format!("{does} #{}", event.object),
            None => format!("{name}{} pid {pid}", suffix(phase)),
        },
    }
}

/// What is done to an object of the crates `sync` and `ipc`; its number follows.
fn sync(name: &str, phase: Phase) -> Option<&'static str> {
    Some(match (name, phase) {
        ("lock" | "rlock", Phase::Begin) => "asks for lock",
        ("lock" | "rlock", _) => "has lock",
        ("unlock" | "runlock", _) => "lets go lock",
        ("event", Phase::Begin) => "waits for event",
        ("event", _) => "waits no longer for event",
        ("set", _) => "sets event",
        ("clear", _) => "clears event",
        ("acquire", Phase::Begin) => "asks for a permit of semaphore",
        ("acquire", _) => "has a permit of semaphore",
        ("permit", _) => "has let go a permit of semaphore",
        ("release", _) => "makes a permit of semaphore",
        ("condition", Phase::Begin) => "waits for a notice of condition",
        ("condition", _) => "waits no longer for condition",
        ("notify", _) => "notifies condition",
        ("barrier", Phase::Begin) => "comes to barrier",
        ("barrier", _) => "leaves barrier",
        ("abort", _) => "breaks barrier",
        ("reset", _) => "resets barrier",
        ("read", Phase::Begin) => "asks to read under lock",
        ("read", _) => "may read under lock",
        ("write", Phase::Begin) => "asks to write under lock",
        ("write", _) => "may write under lock",
        ("unread", _) => "has read under lock",
        ("unwrite", _) => "has written under lock",
        ("once", Phase::Begin) => "comes to once",
        ("once", _) => "leaves once",
        ("get", Phase::Begin) => "waits for a value of queue",
        ("get", _) => "waits no longer for a value of queue",
        ("put", Phase::Begin) => "waits for room in queue",
        ("put", _) => "waits no longer for room in queue",
        ("join_queue", Phase::Begin) => "waits until all is finished of queue",
        ("join_queue", _) => "waits no longer for queue",
        ("recv", Phase::Begin) => "waits for a message in pipe",
        ("recv", _) => "waits no longer for a message in pipe",
        ("send", Phase::Begin) => "waits for room in pipe",
        ("send", _) => "waits no longer for room in pipe",
        _ => return None,
    })
}

fn work(event: &Event) -> String {
    let what = match event.object {
        0 => format!("{:?}", event.subject),
        number => format!("{:?} #{number}", event.subject),
    };
    match (event.name.as_str(), event.phase, event.value) {
        (ENTER, _, _) => format!("enters {what}"),
        (LEAVE, _, _) => format!("leaves {what}"),
        (GATE, Phase::Begin, _) => format!("comes to gate {what}"),
        (GATE, Phase::End, 1) => format!("passes gate {what}"),
        (GATE, Phase::End, 0) => format!("leaves gate {what}, which nobody can open any more"),
        (GATE, Phase::End, _) => format!("leaves gate {what} undecided"),
        ("open", _, _) if !event.subject.is_empty() => format!("opens gate {what}"),
        (MEET, Phase::Begin, parties) => format!("comes to meet at {what}, {parties} are expected"),
        (MEET, Phase::End, 1) => format!("has met the others at {what}"),
        (MEET, Phase::End, 0) => format!("leaves {what}: the others cannot come any more"),
        (MEET, Phase::End, _) => format!("leaves {what} undecided"),
        ("count", _, value) if !event.subject.is_empty() => format!("counts {what} to {value}"),
        (name, phase, value) => format!("{name}{} {value}", suffix(phase)),
    }
}

fn grader(event: &Event) -> String {
    match event.name.as_str() {
        PANIC => format!("panics: {}", event.subject),
        "held" => "is held by a task, and watches the others".to_owned(),
        name if event.object != 0 => format!("{name} {} {}", event.object, event.subject),
        name => format!("{name} {}", event.subject).trim_end().to_owned(),
    }
}

fn suffix(phase: Phase) -> &'static str {
    match phase {
        Phase::Begin => " begins",
        Phase::End => " ends",
        Phase::Point => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Place;

    fn event(source: Source, name: &str, phase: Phase, object: u64, value: i64) -> Event {
        Event {
            seq: 0,
            pid: 12,
            tid: 12,
            source,
            phase,
            name: name.into(),
            subject: String::new(),
            object,
            value,
            location: Some(Place {
                file: "learn/x.rs".into(),
                line: 3,
            }),
        }
    }

    #[test]
    fn a_line_says_who_did_what_to_whom_and_the_answers_line() {
        let join = event(Source::Library, "join", Phase::Begin, 15, 0);
        assert_eq!(line(&join), "pid 12 waits for pid 15 to end   learn/x.rs:3");
        let kill = event(Source::Library, "signal", Phase::Point, 15, 9);
        assert_eq!(line(&kill), "pid 12 sends SIGKILL to pid 15   learn/x.rs:3");
        let set = event(Source::Library, "set", Phase::Point, 77, 0);
        assert_eq!(line(&set), "pid 12 sets event #77   learn/x.rs:3");
        let note = Event {
            tid: 14,
            ..event(Source::Work, "read", Phase::Point, 0, 120)
        };
        assert_eq!(line(&note), "pid 12 (thread 14) read 120");
        let enter = Event {
            subject: "jobs".into(),
            ..event(Source::Work, ENTER, Phase::Point, 2, 0)
        };
        assert_eq!(line(&enter), "pid 12 enters \"jobs\" #2");
    }
}
