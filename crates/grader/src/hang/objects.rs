//! Locks, events, semaphores and queues in the lines of a hang: who has what somebody waits for, and since which line.
//!
//! The kernel says in which memory a thread sleeps, and the memory of an object of the crates `sync` and `ipc` bears the object's kind. The
//! journal says who took it. Invariant: what neither of them says is not said. Pure: values in, text out.

use crate::answer;
use crate::cage::{Diagnosis, Object};
use crate::journal::{Event, Journal, Phase, Source};

/// The call of the library that has this name in the journal.
pub(super) fn call(name: &str) -> &str {
    match name {
        "join" => "Child::join",
        "lock" => "Lock::lock",
        "rlock" => "RLock::lock",
        "event" => "Event::wait",
        "acquire" => "Semaphore::acquire",
        "barrier" => "Barrier::wait",
        "condition" => "Condition::wait",
        "read" => "RwLock::read",
        "write" => "RwLock::write",
        "get" => "Queue::get",
        "put" => "Queue::put",
        "join_queue" => "JoinableQueue::join",
        other => other,
    }
}

/// Whether the event's object is the pid of a process.
pub(super) fn is_about_a_process(event: &Event) -> bool {
    event.source == Source::Library && event.object != 0 && matches!(event.name.as_str(), "join" | "wait")
}

/// An object of the crate `sync` that process `me` waits for in `operation`; `None` for all others.
pub(super) fn of_sync(
    object: &Object,
    me: i32,
    operation: Option<&Event>,
    diagnosis: &Diagnosis,
    journal: &Journal,
) -> Option<String> {
    let Object::Futex {
        shared: Some(place),
        owner,
        ..
    } = object
    else {
        return None;
    };
    let kind = place.strip_prefix("/memfd:")?.split('+').next()?;
    let operation = operation.filter(|event| event.source == Source::Library);
    let text = match (kind, owner) {
        ("lock" | "rlock" | "rwlock" | "value" | "array", Some(tid)) => {
            held(kind, *tid, me, operation, diagnosis, journal)
        }
        ("event", _) => "the event to be set".to_owned(),
        ("semaphore", None) => permit(operation, journal),
        ("barrier", None) => "the others at the barrier".to_owned(),
        ("condition", None) => "a notice of the condition".to_owned(),
        ("queue", _) => match operation?.name.as_str() {
            "get" => "a value in the queue, or its end".to_owned(),
            "put" => "room in the queue, which is full".to_owned(),
            "join_queue" => "all values of the queue to be finished".to_owned(),
            _ => return None,
        },
        _ => return None,
    };
    Some(text)
}

/// `the lock that pid 4124 has since learn/l04_02_lock.rs:31`.
fn held(
    kind: &str,
    owner: i32,
    me: i32,
    operation: Option<&Event>,
    diagnosis: &Diagnosis,
    journal: &Journal,
) -> String {
    let has_it = |tid: i32| {
        let mut processes = diagnosis.processes.iter();
        processes.find(|process| process.threads.iter().any(|thread| thread.tid == tid))
    };
    let who = match has_it(owner) {
        Some(process) if process.pid == me => "it has itself".to_owned(),
        Some(process) if process.pid == owner => format!("pid {owner} has"),
        Some(process) => format!("thread {owner} of pid {} has", process.pid),
        None => format!("thread {owner} has"),
    };
    let taken = operation.and_then(|waits| {
        let taken = |event: &&Event| {
            event.tid == owner
                && event.object == waits.object
                && event.source == Source::Library
                && event.phase == Phase::End
        };
        journal.events().iter().rfind(taken)?.location.as_ref()
    });
    match taken.filter(|place| answer::owns(place)) {
        Some(place) => format!("the {kind} that {who} since {}", answer::shown(place)),
        None => format!("the {kind} that {who}"),
    }
}

/// `a permit of the semaphore (pid 4124 and 4125 have one)`.
fn permit(operation: Option<&Event>, journal: &Journal) -> String {
    let mut holders: Vec<i32> = Vec::new();
    let mut taken = 0;
    for event in operation.into_iter().flat_map(|waits| {
        journal
            .events()
            .iter()
            .filter(|event| event.source == Source::Library && event.object == waits.object)
    }) {
        match (event.name.as_str(), event.phase) {
            ("acquire", Phase::End) => {
                taken += 1;
                holders.push(event.pid);
            }
            ("permit", _) => {
                if let Some(place) = holders.iter().rposition(|pid| *pid == event.pid) {
                    holders.remove(place);
                }
            }
            _ => {}
        }
    }
    let list: Vec<String> = holders.iter().map(i32::to_string).collect();
    match list.as_slice() {
        [] if taken > 0 => format!("a permit of the semaphore ({taken} were taken, and nobody has one)"),
        [] => "a permit of the semaphore".to_owned(),
        [one] => format!("a permit of the semaphore (pid {one} took one and did not give it back)"),
        many => format!(
            "a permit of the semaphore (pids {} took one and did not give it back)",
            many.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Place;
    use crate::cage::{Stuck, StuckThread, Waits};

    fn word(kind: &str, owner: Option<i32>) -> Object {
        Object::Futex {
            address: 4096,
            value: Some(1),
            shared: Some(format!("/memfd:{kind}+0x40")),
            owner,
            also: Vec::new(),
        }
    }

    fn event(pid: i32, name: &str, phase: Phase, line: u32) -> Event {
        Event {
            seq: 0,
            pid,
            tid: pid,
            source: Source::Library,
            phase,
            name: name.into(),
            subject: String::new(),
            object: 900,
            value: 0,
            location: Some(Place {
                file: "learn/l04.rs".into(),
                line,
            }),
        }
    }

    fn diagnosis() -> Diagnosis {
        let thread = |tid| StuckThread {
            tid,
            name: "worker".into(),
            state: 'S',
            wchan: None,
            call: None,
            waits: Waits::Unknown,
        };
        let process = |pid: i32| Stuck {
            pid,
            ppid: 1,
            name: "worker".into(),
            state: 'S',
            stopped: None,
            cpu: Duration::ZERO,
            threads: vec![thread(pid), thread(pid + 100)],
            ends: Vec::new(),
            waits_for: Vec::new(),
        };
        Diagnosis {
            quiet: Duration::from_secs(6),
            processes: vec![process(30), process(31)],
            cycle: Vec::new(),
        }
    }

    fn text(object: &Object, events: Vec<Event>) -> Option<String> {
        let waits = events.last().cloned();
        of_sync(object, 30, waits.as_ref(), &diagnosis(), &Journal::of(events))
    }

    #[test]
    fn a_lock_is_said_with_its_holder_and_the_holders_line() {
        let waits = || event(30, "lock", Phase::Begin, 9);
        let taken = |pid| vec![event(pid, "lock", Phase::End, 5), waits()];
        let said = |object: &Object, events| text(object, events).unwrap();
        assert_eq!(
            said(&word("lock", Some(31)), taken(31)),
            "the lock that pid 31 has since learn/l04.rs:5"
        );
        assert_eq!(
            said(&word("lock", Some(30)), taken(30)),
            "the lock that it has itself since learn/l04.rs:5"
        );
        assert_eq!(
            said(&word("lock", Some(131)), vec![waits()]),
            "the lock that thread 131 of pid 31 has"
        );
        assert_eq!(text(&word("journal", Some(31)), taken(31)), None);
    }

    #[test]
    fn a_permit_is_said_with_those_who_have_one() {
        let acquired = |pid| event(pid, "acquire", Phase::End, 5);
        let returned = |pid| event(pid, "permit", Phase::Point, 6);
        let waits = event(30, "acquire", Phase::Begin, 9);
        let events = vec![acquired(31), acquired(32), returned(31), waits];
        assert_eq!(
            text(&word("semaphore", None), events).unwrap(),
            "a permit of the semaphore (pid 32 took one and did not give it back)"
        );
        assert_eq!(
            text(&word("event", None), Vec::new()).unwrap(),
            "the event to be set"
        );
    }

    #[test]
    fn a_queue_is_said_with_what_it_is_asked_for() {
        let said = |name| text(&word("queue", None), vec![event(30, name, Phase::Begin, 9)]);
        assert_eq!(said("get").unwrap(), "a value in the queue, or its end");
        assert_eq!(said("put").unwrap(), "room in the queue, which is full");
        assert_eq!(
            said("join_queue").unwrap(),
            "all values of the queue to be finished"
        );
        assert_eq!(said("lock"), None);
    }
}
