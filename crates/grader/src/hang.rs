//! The lines that explain a hang: per process what it waits for, who could end that, and which line of the answer asked.
//!
//! The kernel's view (the cage's diagnosis) says what each thread sleeps on; the journal's open operations say what the library
//! or a workload was asked to do, and where. Both together are a line. Pure: values in, text out.

mod objects;

use crate::answer;
use crate::cage::{Diagnosis, Object, Stuck, Waits};
use crate::journal::{Event, Journal, Source};
use crate::leaks;

/// One line per process that was left, and one for a ring of processes that wait for each other.
pub(crate) fn describe(diagnosis: &Diagnosis, journal: &Journal, main_pid: i32) -> Vec<String> {
    let open = journal.open();
    let mut lines: Vec<(String, String, String)> = Vec::new();
    for process in of_the_answer(diagnosis) {
        let operation = operation_of(&open, process.pid);
        let who = format!("pid {} ({})", process.pid, role(process, main_pid));
        lines.push((
            who,
            what(process, operation, diagnosis, journal),
            place_of(operation, &open, process.pid),
        ));
    }
    let who_width = lines.iter().map(|line| line.0.len()).max().unwrap_or(0);
    let what_width = lines.iter().map(|line| line.1.len()).max().unwrap_or(0).min(60);
    let mut text: Vec<String> = lines
        .into_iter()
        .map(|(who, what, place)| {
            format!("{who:who_width$}  {what:what_width$}  {place}")
                .trim_end()
                .to_owned()
        })
        .collect();
    // A ring through a helper of the library is none: the helper waits for requests.
    let is_of_the_answer = |pid: &i32| of_the_answer(diagnosis).any(|process| process.pid == *pid);
    match diagnosis.cycle.as_slice() {
        [] => {}
        ring if !ring.iter().all(is_of_the_answer) => {}
        [alone] => text.push(format!("pid {alone} waits for itself")),
        ring => {
            let pids: Vec<String> = ring.iter().map(i32::to_string).collect();
            text.push(format!(
                "each waits for the next: {} -> {}",
                pids.join(" -> "),
                pids[0]
            ));
        }
    }
    text
}

/// The processes that were left, without the library's own.
pub(crate) fn of_the_answer(diagnosis: &Diagnosis) -> impl Iterator<Item = &Stuck> {
    diagnosis
        .processes
        .iter()
        .filter(|process| process.name != leaks::FORK_SERVER)
}

/// The line of the answer that the first hanging process waits in: the main process's, or else any. Who only waits for the end of
/// another one that hangs is not the reason, unless they wait for each other.
pub(crate) fn culprit<'a>(diagnosis: &Diagnosis, journal: &'a Journal) -> Option<&'a crate::Place> {
    let open = journal.open();
    let place_in = |process: &Stuck, joins_count: bool| {
        let own = open.iter().filter(|event| {
            event.pid == process.pid && (joins_count || !waits_for_an_end_of(event, diagnosis))
        });
        own.filter_map(|event| event.location.as_ref())
            .find(|place| answer::owns(place))
    };
    let find = |joins_count| {
        diagnosis
            .processes
            .iter()
            .find_map(|process| place_in(process, joins_count))
    };
    let reason = if diagnosis.cycle.len() < 2 {
        find(false)
    } else {
        None
    };
    reason.or_else(|| find(true))
}

/// Whether it is the join of a process that hangs as well.
fn waits_for_an_end_of(event: &Event, diagnosis: &Diagnosis) -> bool {
    let is_join = event.source == Source::Library && matches!(event.name.as_str(), "join" | "wait");
    let hangs = |process: &Stuck| process.pid as u64 == event.object;
    is_join && diagnosis.processes.iter().any(hangs)
}

fn role(process: &Stuck, main_pid: i32) -> &str {
    if process.pid == main_pid {
        "main"
    } else {
        &process.name
    }
}

/// The innermost open operation of a process, its main thread's first.
fn operation_of<'a>(open: &[&'a Event], pid: i32) -> Option<&'a Event> {
    let of = |main: bool| {
        open.iter()
            .rev()
            .find(|event| event.pid == pid && (event.tid == pid) == main && !is_frame(event))
    };
    of(true).or_else(|| of(false)).copied()
}

/// Operations that enclose everything a child does, and so explain nothing.
fn is_frame(event: &Event) -> bool {
    event.source == Source::Library && event.name == "target"
}

/// `Child::join, learn/l02_10.rs:22`, as far as it is known.
fn place_of(operation: Option<&Event>, open: &[&Event], pid: i32) -> String {
    let Some(operation) = operation else {
        return String::new();
    };
    let own = open
        .iter()
        .rev()
        .filter(|event| event.pid == pid)
        .filter_map(|event| event.location.as_ref());
    let place = own
        .clone()
        .find(|place| answer::owns(place))
        .or(operation.location.as_ref());
    let name = match (operation.source, operation.name.as_str()) {
        (Source::Library, name) => objects::call(name).to_owned(),
        (_, name) => format!("{name} {:?} of the task", operation.subject),
    };
    match place {
        Some(place) => format!("{name}, {}", answer::shown(place)),
        None => name,
    }
}

fn what(process: &Stuck, operation: Option<&Event>, diagnosis: &Diagnosis, journal: &Journal) -> String {
    let Some(thread) = process.threads.first() else {
        return state(process);
    };
    match &thread.waits {
        Waits::Not => format!(
            "does not wait: it runs ({} ms of processor time so far)",
            process.cpu.as_millis()
        ),
        Waits::Stopped => match process.stopped {
            Some(signal) => format!("is stopped by {signal}, and nobody continues it"),
            None => "is stopped, and nobody continues it".to_owned(),
        },
        Waits::Time => "sleeps by the clock".to_owned(),
        Waits::For { objects, .. } if !objects.is_empty() => {
            // Beside a child's end, a join listens to a socket of the library, of which the answer knows nothing.
            let is_end = |object: &&Object| matches!(object, Object::End { .. });
            let joins =
                operation.is_some_and(|event| event.source == Source::Library && event.name == "join");
            let ends_alone = joins && objects.iter().any(|object| is_end(&object));
            let objects: Vec<String> = objects
                .iter()
                .filter(|object| !ends_alone || is_end(object))
                .take(asked_for(operation))
                .map(|object| {
                    objects::of_sync(object, process.pid, operation, diagnosis, journal)
                        .or_else(|| of_a_pipe(object, process.pid, operation))
                        .unwrap_or_else(|| name(object, process.pid))
                })
                .collect();
            format!("waits for {}", objects.join(" or "))
        }
        Waits::For { .. } | Waits::Unknown => match operation {
            Some(event) if objects::is_about_a_process(event) => {
                format!("waits for pid {}", event.object)
            }
            _ => match &thread.call {
                Some(call) => format!("sleeps in {}", call.name),
                None => state(process),
            },
        },
    }
}

fn state(process: &Stuck) -> String {
    match process.state {
        'Z' => "is dead, and nobody has waited for it".to_owned(),
        'R' => "runs".to_owned(),
        'D' => "is in the kernel".to_owned(),
        state => format!("sleeps (state {state})"),
    }
}

/// For so many things the call waits. Behind them it may wait for some of the library's own, of which the answer knows nothing.
fn asked_for(operation: Option<&Event>) -> usize {
    let Some(call) = operation.filter(|event| event.source == Source::Library) else {
        return usize::MAX;
    };
    match call.name.as_str() {
        "recv" | "send" => 1,
        "wait_any" => usize::try_from(call.value).unwrap_or(usize::MAX),
        _ => usize::MAX,
    }
}

/// What process `me` waits for at an end of a pipe of the library, which is a socket to the kernel.
fn of_a_pipe(object: &Object, me: i32, operation: Option<&Event>) -> Option<String> {
    let Object::Socket { peers, .. } = object else {
        return None;
    };
    let call = operation.filter(|event| event.source == Source::Library)?;
    let held = held_by(peers, me, "held by nobody");
    match call.name.as_str() {
        "recv" | "wait_any" => Some(format!("a message (the end that sends is {held})")),
        "send" => Some(format!("room for a message (the end that receives is {held})")),
        _ => None,
    }
}

/// `held by pid 12, itself and 13`.
fn held_by(holders: &[crate::cage::Holder], me: i32, nobody: &str) -> String {
    let mut pids: Vec<i32> = holders.iter().map(|holder| holder.pid).collect();
    pids.dedup();
    if pids.is_empty() {
        return nobody.to_owned();
    }
    let pids: Vec<String> = pids
        .iter()
        .map(|pid| {
            if *pid == me {
                format!("{pid}, itself")
            } else {
                pid.to_string()
            }
        })
        .collect();
    format!("held by pid {}", pids.join(" and "))
}

fn name(object: &Object, me: i32) -> String {
    let holders = |holders: &[crate::cage::Holder], nobody: &str| held_by(holders, me, nobody);
    match object {
        Object::End { pid } => format!("pid {pid} to end"),
        Object::AnyChild { children } if children.is_empty() => "a child to end".to_owned(),
        Object::AnyChild { children } => {
            let pids: Vec<String> = children.iter().map(i32::to_string).collect();
            format!("one of its children to end (pid {})", pids.join(", "))
        }
        Object::PipeData { fd, writers, .. } => {
            format!(
                "data in the pipe on descriptor {fd} (writing end {})",
                holders(writers, "held by nobody")
            )
        }
        Object::PipeRoom { fd, readers, .. } => {
            format!(
                "room in the pipe on descriptor {fd} (reading end {})",
                holders(readers, "held by nobody")
            )
        }
        Object::Socket { fd, peers, .. } => {
            format!(
                "the socket on descriptor {fd} (other end {})",
                holders(peers, "outside")
            )
        }
        Object::Event {
            fd, holders: others, ..
        } => {
            format!(
                "the event on descriptor {fd} ({})",
                holders(others, "nobody else has it")
            )
        }
        Object::Futex {
            owner: Some(owner), ..
        } => format!("a lock that thread {owner} holds"),
        Object::Futex {
            shared: Some(file),
            also,
            ..
        } if also.is_empty() => format!("a shared word in {file}"),
        Object::Futex {
            shared: Some(file),
            also,
            ..
        } => {
            format!("a shared word in {file} ({} others wait for it too)", also.len())
        }
        Object::Futex { .. } => "a word of its own memory (another thread of it)".to_owned(),
        Object::FileLock { file, .. } if file.starts_with("/memfd:array") => {
            "a part of the array that is held".to_owned()
        }
        Object::FileLock { file, holders } => {
            let pids: Vec<String> = holders.iter().map(i32::to_string).collect();
            format!("the lock on {file} (held by pid {})", pids.join(", "))
        }
        Object::Descriptor { fd, target } => format!("descriptor {fd} ({target})"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Place;
    use crate::cage::{Holder, StuckThread};
    use crate::journal::Phase;

    fn stuck(pid: i32, name: &str, waits: Waits) -> Stuck {
        Stuck {
            pid,
            ppid: 1,
            name: name.into(),
            state: 'S',
            stopped: None,
            cpu: Duration::from_millis(7),
            threads: vec![StuckThread {
                tid: pid,
                name: name.into(),
                state: 'S',
                wchan: None,
                call: None,
                waits,
            }],
            ends: Vec::new(),
            waits_for: Vec::new(),
        }
    }

    fn waits_for(object: Object) -> Waits {
        Waits::For {
            objects: vec![object],
            timed: false,
        }
    }

    fn library_socket() -> Object {
        Object::Socket {
            fd: 4,
            inode: 8,
            peers: vec![Holder { pid: 32, fd: 5 }],
        }
    }

    fn begins(pid: i32, source: Source, name: &str, object: u64, file: &str) -> Event {
        Event {
            seq: 0,
            pid,
            tid: pid,
            source,
            phase: Phase::Begin,
            name: name.into(),
            subject: "turn".into(),
            object,
            value: 0,
            location: Some(Place {
                file: file.into(),
                line: 22,
            }),
        }
    }

    #[test]
    fn a_line_joins_what_the_kernel_and_what_the_journal_know() {
        let writers = vec![Holder { pid: 31, fd: 4 }];
        let diagnosis = Diagnosis {
            quiet: Duration::from_secs(6),
            processes: vec![
                stuck(
                    30,
                    "learn",
                    Waits::For {
                        objects: vec![Object::End { pid: 31 }, library_socket()],
                        timed: false,
                    },
                ),
                stuck(
                    31,
                    "producer",
                    waits_for(Object::PipeData {
                        fd: 3,
                        inode: 9,
                        writers,
                    }),
                ),
                stuck(32, leaks::FORK_SERVER, Waits::Unknown),
                stuck(33, "worker", Waits::Unknown),
            ],
            cycle: vec![30, 31],
        };
        let journal = Journal::of(vec![
            begins(
                31,
                Source::Library,
                "target",
                31,
                "crates/core-process/src/start.rs",
            ),
            begins(30, Source::Library, "join", 31, "learn/l03_06_queue.rs"),
            begins(33, Source::Work, "gate", 0, "lessons/l/check.rs"),
        ]);
        let lines = describe(&diagnosis, &journal, 30);
        let squeezed: Vec<String> = lines
            .iter()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(
            squeezed,
            [
                "pid 30 (main) waits for pid 31 to end Child::join, learn/l03_06_queue.rs:22",
                "pid 31 (producer) waits for data in the pipe on descriptor 3 (writing end held by pid 31, itself)",
                "pid 33 (worker) sleeps (state S) gate \"turn\" of the task, lessons/l/check.rs:22",
                "each waits for the next: 30 -> 31 -> 30",
            ]
        );
        assert_eq!(
            culprit(&diagnosis, &journal).unwrap().to_string(),
            "learn/l03_06_queue.rs:22"
        );
        let through_a_helper = Diagnosis {
            cycle: vec![30, 32],
            ..diagnosis
        };
        assert_eq!(describe(&through_a_helper, &journal, 30), lines[..3]);
    }

    #[test]
    fn an_end_of_a_pipe_is_said_with_those_who_hold_the_other_one() {
        let said = |name: &str, pid| {
            let call = begins(30, Source::Library, name, 8, "learn/l03_04_pipe.rs");
            let object = Object::Socket {
                fd: 4,
                inode: 8,
                peers: vec![Holder { pid, fd: 5 }],
            };
            of_a_pipe(&object, 30, Some(&call))
        };
        assert_eq!(
            said("recv", 30).unwrap(),
            "a message (the end that sends is held by pid 30, itself)"
        );
        assert_eq!(
            said("send", 31).unwrap(),
            "room for a message (the end that receives is held by pid 31)"
        );
        assert_eq!(said("join", 31), None);
    }

    #[test]
    fn a_join_of_one_that_hangs_is_not_the_reason() {
        let diagnosis = Diagnosis {
            quiet: Duration::from_secs(6),
            processes: vec![
                stuck(30, "learn", waits_for(Object::End { pid: 31 })),
                stuck(31, "worker", Waits::Unknown),
            ],
            cycle: Vec::new(),
        };
        let joins = begins(30, Source::Library, "join", 31, "learn/l04_07.rs");
        let waits = begins(31, Source::Library, "barrier", 5, "learn/l04_07_too.rs");
        let both = Journal::of(vec![joins.clone(), waits]);
        assert_eq!(culprit(&diagnosis, &both).unwrap().file, "learn/l04_07_too.rs");
        let alone = Journal::of(vec![joins]);
        assert_eq!(culprit(&diagnosis, &alone).unwrap().file, "learn/l04_07.rs");
    }
}
