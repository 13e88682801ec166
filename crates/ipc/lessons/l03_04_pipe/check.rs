//! Checks of lesson 3.4: a service in a process of its own, which answers messages until there are no more, and then sums up.
//!
//! The grader's `transform` is what the service does with a message: it tells who is called how often, and is where a service dies.
//! How much a pipe holds is measured before it is overfilled, so that what must not fit does not.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use core_process::{Signal, Status};
use grader::work::{Counter, die, note};
use grader::{Draw, Event, Evidence, Findings, Scenario, Verdict};
use ipc::pipe;
use serde::{Deserialize, Serialize};

/// What the learner writes: has the messages transformed by a service in a process of its own.
pub type Answer = fn(messages: Vec<Vec<u8>>) -> Transcript;

/// What came back from the service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transcript {
    /// The transformed messages, in order.
    pub replies: Vec<Vec<u8>>,
    /// What the service said at its end; `None` if it died before.
    pub summary: Option<Summary>,
}

/// What a service has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Messages that it got.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// The message in whose transformation the service dies, from 1; 0 for none.
const FATAL: Counter = Counter::named("message at which the service dies");

/// What the service does with a message.
pub fn transform(message: &[u8]) -> Vec<u8> {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let number = CALLS.fetch_add(1, Relaxed) + 1;
    note("transform", message.len() as i64);
    if FATAL.value() == number {
        note("dies", number as i64);
        die(Signal::KILL);
    }
    reversed(message)
}

fn reversed(message: &[u8]) -> Vec<u8> {
    message.iter().rev().copied().collect()
}

// ---- the scenarios

/// What one run is given.
#[derive(Clone, Debug)]
pub struct Input {
    messages: Messages,
    /// The message at which the service dies, from 1; 0 for none.
    fatal: u64,
}

#[derive(Clone, Debug)]
enum Messages {
    These(Vec<Vec<u8>>),
    /// Of this length, and more of them than a pipe, and another one back, can hold.
    TooMany {
        len: usize,
    },
}

/// What is known of a run; the bytes themselves stay where they were compared.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// Of the messages that were to be sent: their lengths and beginnings.
    sent: Vec<Shown>,
    replies: usize,
    /// The first reply that is not what it should be: its place, and what it is.
    wrong: Option<(usize, Shown)>,
    summary: Option<Summary>,
    /// So many of these messages fit into a pipe at once, where that was looked at.
    room: Option<usize>,
}

/// A message as it is shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Shown {
    len: usize,
    begin: Vec<u8>,
}

impl Shown {
    fn of(message: &[u8]) -> Self {
        Self {
            len: message.len(),
            begin: message.iter().take(12).copied().collect(),
        }
    }
}

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.len {
            0 => f.write_str("an empty message"),
            1 => write!(f, "the one byte \"{}\"", self.begin.escape_ascii()),
            len if len <= self.begin.len() => {
                write!(f, "{len} bytes, \"{}\"", self.begin.escape_ascii())
            }
            len => write!(f, "{len} bytes, \"{}...\"", self.begin.escape_ascii()),
        }
    }
}

/// The situations that an answer is put into.
pub fn scenarios(echo: Answer) -> Vec<Scenario> {
    let act = move |input: Input| {
        FATAL.fetch_add(input.fatal);
        let (messages, room) = match input.messages {
            Messages::These(messages) => (messages, None),
            Messages::TooMany { len } => {
                let room = room(len);
                let message = |at: usize| (0..len).map(|byte| (byte ^ at) as u8).collect();
                ((0..2 * room + 10).map(message).collect(), Some(room))
            }
        };
        let expected: Vec<Vec<u8>> = messages.iter().map(|message| reversed(message)).collect();
        let sent = messages.iter().map(|message| Shown::of(message)).collect();
        let transcript = echo(messages);
        let mut pairs = transcript.replies.iter().enumerate();
        let wrong = pairs.find(|(place, reply)| expected.get(*place) != Some(reply));
        Outcome {
            sent,
            replies: transcript.replies.len(),
            wrong: wrong.map(|(place, reply)| (place, Shown::of(reply))),
            summary: transcript.summary,
            room,
        }
    };
    vec![
        Scenario::new("a conversation", draw_some, act, judge),
        Scenario::new("whatever may be in a message", draw_words, act, judge),
        Scenario::new("large ones", draw_large, act, judge),
        Scenario::new("the service dies", draw_death, act, judge_death),
        Scenario::new("more than a pipe holds", draw_many, act, judge),
    ]
}

/// How many messages of this length a pipe of the library takes while nobody receives.
fn room(len: usize) -> usize {
    let (sender, _receiver) = pipe::<Vec<u8>>().expect("a descriptor is free");
    let message = vec![0; len];
    (0..).take_while(|_| sender.try_send(&message).is_ok()).count()
}

fn bytes(draw: &mut Draw, len: usize) -> Vec<u8> {
    draw.list(len, |draw| draw.number(0..=255) as u8)
}

fn draw_some(draw: &mut Draw) -> Input {
    let count = draw.size(12);
    let messages = draw.list(count, |draw| {
        let len = 1 + draw.size(200);
        bytes(draw, len)
    });
    these(messages)
}

fn these(messages: Vec<Vec<u8>>) -> Input {
    Input {
        messages: Messages::These(messages),
        fatal: 0,
    }
}

/// Everything that a program could take for the end, and is a message.
fn draw_words(draw: &mut Draw) -> Input {
    let words = [
        "", "end", "END", "End", "eof", "EOF", "stop", "STOP", "Stop", "quit", "QUIT", "exit", "EXIT",
        "done", "DONE", "close", "CLOSE", "closed", "finish", "bye", "BYE", "None", "null", "summary",
        "SUMMARY", "__end__", "__END__", "\0\0\0\0", "\n", "\r\n", ".", "-1", "end\n", "quit\n",
    ];
    let mut messages: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
    messages.extend((0..=255).map(|byte| vec![byte]));
    messages.extend([vec![255; 4], vec![255; 8], vec![0; 8]]);
    draw.shuffle(&mut messages);
    these(messages)
}

fn draw_large(draw: &mut Draw) -> Input {
    let count = draw.size_in(1..=3);
    let messages = (0..count).map(|_| {
        let len = draw.size_in((32 << 10) - 30..=1 << 20);
        let seed = draw.number(0..=255) as u8;
        (0..len).map(|at| (at / 5) as u8 ^ seed).collect()
    });
    these(messages.collect())
}

fn draw_death(draw: &mut Draw) -> Input {
    let count = draw.size_in(1..=9);
    let messages = draw.list(count, |draw| bytes(draw, 7));
    Input {
        fatal: draw.number(1..=count as u64),
        ..these(messages)
    }
}

fn draw_many(draw: &mut Draw) -> Input {
    let len = *draw.pick(&[1 << 10, 4 << 10, 16 << 10, 30 << 10]);
    Input {
        messages: Messages::TooMany { len },
        fatal: 0,
    }
}

// ---- the judges

/// The calls of the service.
fn calls(seen: &Evidence<Outcome>) -> impl Iterator<Item = &Event> + Clone {
    seen.journal.named("transform")
}

/// The process that transformed the messages, where it is one.
fn service(seen: &Evidence<Outcome>) -> Option<i32> {
    calls(seen).next().map(|event| event.pid)
}

fn judge_where(outcome: &Outcome, seen: &Evidence<Outcome>, found: &mut Findings) {
    let pids: BTreeSet<i32> = calls(seen).map(|event| event.pid).collect();
    found.check(
        "service",
        Verdict::NotAProcess,
        !pids.contains(&seen.main_pid),
        || {
            let here = calls(seen).filter(|event| event.pid == seen.main_pid).count();
            format!(
                "{here} messages were transformed in the main process (pid {}), and not in a service of its own",
                seen.main_pid
            )
        },
    )
    .show_lines(|| exchange(outcome, seen));
    found.check("one", Verdict::Wrong, pids.len() <= 1, || {
        format!(
            "{} processes transformed messages, from pid {} to pid {}; it is one service that answers all of them",
            pids.len(),
            pids.first().unwrap_or(&0),
            pids.last().unwrap_or(&0)
        )
    })
    .show_lines(|| exchange(outcome, seen));
}

fn judge_replies(outcome: &Outcome, expected: usize, seen: &Evidence<Outcome>, found: &mut Findings) {
    let pid = service(seen).map_or("the service".to_owned(), |pid| format!("the service (pid {pid})"));
    found
        .check("replies", Verdict::Wrong, outcome.wrong.is_none(), || {
            let (place, reply) = outcome.wrong.clone().unwrap_or((0, Shown::of(&[])));
            format!(
                "reply {} is no answer to message {}: it is {reply}",
                place + 1,
                place + 1
            )
        })
        .show_lines(|| exchange(outcome, seen));
    found
        .check("replies", Verdict::Wrong, outcome.replies == expected, || {
            let called = calls(seen).count();
            let sent = outcome.sent.len();
            match outcome.sent.get(called) {
                Some(next) => format!(
                    "{pid} transformed {called} of {sent} messages and ended at message {}, which is {next}; {} of the replies came back",
                    called + 1,
                    outcome.replies
                ),
                None => format!("{pid} transformed {called} messages; {expected} replies were to come back, and {} did", outcome.replies),
            }
        })
        .show_lines(|| exchange(outcome, seen));
}

fn judge(_: &Input, seen: &Evidence<Outcome>, found: &mut Findings) {
    let Some(outcome) = &seen.value else { return };
    judge_where(outcome, seen, found);
    judge_replies(outcome, outcome.sent.len(), seen, found);
    let expected = Summary {
        messages: outcome.sent.len() as u64,
        bytes: outcome.sent.iter().map(|message| message.len as u64).sum(),
    };
    let ended = service(seen).and_then(|pid| Some((pid, seen.process(pid)?.status?)));
    let by_itself = ended.is_none_or(|(_, status)| status == Status::Exited(0));
    found
        .check(
            "summary",
            Verdict::Wrong,
            outcome.summary == Some(expected),
            || {
                let said = match outcome.summary {
                    Some(said) => format!(
                        "the summary says {} messages of {} bytes",
                        said.messages, said.bytes
                    ),
                    None => "there is no summary".to_owned(),
                };
                let how = match ended {
                    Some((pid, status)) if !by_itself => format!(" (the service, pid {pid}: {status})"),
                    _ => String::new(),
                };
                format!(
                    "{said}; the service was sent {} messages of {} bytes{how}",
                    expected.messages, expected.bytes
                )
            },
        )
        .show_lines(|| exchange(outcome, seen));
    found
        .check("end", Verdict::Wrong, by_itself, || {
            let (pid, status) = ended.unwrap_or((0, Status::Running));
            format!("the service (pid {pid}) was to end by itself when there were no more messages: {status}")
        })
        .show_lines(|| exchange(outcome, seen));
}

fn judge_death(input: &Input, seen: &Evidence<Outcome>, found: &mut Findings) {
    let Some(outcome) = &seen.value else { return };
    judge_where(outcome, seen, found);
    let before = input.fatal as usize - 1;
    let pid = service(seen).unwrap_or(0);
    found
        .check("death", Verdict::Wrong, outcome.replies == before && outcome.wrong.is_none(), || {
            format!(
                "the service (pid {pid}) was killed in message {} of {}; it had answered {before}, and {} of the replies came back",
                input.fatal,
                outcome.sent.len(),
                outcome.replies
            )
        })
        .show_lines(|| exchange(outcome, seen));
    found
        .check("death", Verdict::Wrong, outcome.summary.is_none(), || {
            format!(
                "the service (pid {pid}) was killed before it could sum up, and the answer gives a summary"
            )
        })
        .show_lines(|| exchange(outcome, seen));
}

/// Who did what with which message, around the place where it went wrong.
fn exchange(outcome: &Outcome, seen: &Evidence<Outcome>) -> Vec<String> {
    const MOST: usize = 8;
    let called: Vec<&Event> = calls(seen).collect();
    let last = called.len().min(outcome.replies);
    let first = last.saturating_sub(MOST / 2);
    let line = |place: usize| {
        let message = &outcome.sent[place];
        let transformed = called
            .get(place)
            .map_or("nobody transformed it".to_owned(), |event| {
                format!("pid {} transformed it", event.pid)
            });
        let came = if place < outcome.replies {
            "its reply came back"
        } else {
            "no reply"
        };
        format!("message {}: {message}; {transformed}; {came}", place + 1)
    };
    let mut lines: Vec<String> = (first..outcome.sent.len()).take(MOST).map(line).collect();
    if let Some(pid) = service(seen)
        && let Some(status) = seen.process(pid).and_then(|process| process.status)
    {
        lines.push(format!("the service (pid {pid}): {status}"));
    }
    if let Some(room) = outcome.room {
        lines.push(format!("a pipe holds {room} messages of this length"));
    }
    lines
}
