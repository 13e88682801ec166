//! Checks of lesson 3.7: a queue made of a stream of bytes and two locks, used by several processes at once.
//!
//! The grader's wire holds an operation after its first piece, where a missing lock shows; the schedules hold a process where a lock
//! that is held too long does.

#[path = "check/wire.rs"]
mod wire;

use std::collections::BTreeMap;

use core_process::{Child, Process, Status, Until, wait_any};
use grader::work::{Gate, Rendezvous, note};
use grader::{Draw, Event, Evidence, Findings, Scenario, Verdict};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use wire::Wire;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its number; no two have the same.
    pub number: u32,
    len: usize,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    Plain,
    /// It has no bytes.
    Refused,
    /// Its encoding takes until so many others are encoded.
    Together(u32),
}

/// A message that has no bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unencodable;

impl Message {
    /// The bytes of the message, from one to a million. It may take a while.
    ///
    /// # Errors
    /// [`Unencodable`]: it has none.
    pub fn encode(&self) -> Result<Vec<u8>, Unencodable> {
        note("encodes", self.number.into());
        match self.kind {
            Kind::Refused => return Err(Unencodable),
            Kind::Together(parties) => {
                ENCODING.meet(parties);
            }
            Kind::Plain => {}
        }
        Ok(bytes_of(self.number, self.len))
    }
}

/// All of them follow from the number and the length.
fn bytes_of(number: u32, len: usize) -> Vec<u8> {
    (0..len as u32)
        .map(|place| {
            (number
                .wrapping_mul(31)
                .wrapping_add(place.wrapping_mul(place | 1))
                >> 3) as u8
        })
        .collect()
}

const ENCODING: Rendezvous = Rendezvous::named("encoding");
const CALM: Gate = Gate::named("calm");

/// What one run is given.
#[derive(Clone, Debug)]
pub struct Input {
    puts: Vec<Vec<Message>>,
    /// How many messages each of those who get gets.
    gets: Vec<usize>,
    getters: Getters,
    is_slow: bool,
}

/// When those who get begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Getters {
    /// With the others.
    Together,
    /// Before anybody puts, and they wait already.
    First,
    /// The same, and the first one is killed while it waits.
    FirstIsKilled,
}

/// What was got: the bytes' number if they are a message's, and their length.
type Got = (Option<u32>, usize);

/// What came of it: for each that puts, whether its puts were refused; for each that gets, what it got.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    puts: Vec<Option<Vec<bool>>>,
    gets: Vec<Option<Vec<Got>>>,
}

/// The situations that an answer is put into.
pub fn scenarios<Q, N, P, G>(new: N, put: P, get: G) -> Vec<Scenario>
where
    Q: Clone + Serialize + DeserializeOwned + 'static,
    N: Fn(Wire) -> Q + Copy + 'static,
    P: Fn(&Q, &Message) -> Result<(), Unencodable> + Copy + Send + 'static,
    G: Fn(&Q) -> Vec<u8> + Copy + Send + 'static,
{
    let act = move |input: Input| play(&input, new(Wire::new(input.is_slow)), put, get);
    vec![
        Scenario::new("one waits before anything is put", draw_waiting, act, judge),
        Scenario::new("one long message", draw_long, act, judge),
        Scenario::new("two put at the same time", draw_puts, act, judge),
        Scenario::new("two get at the same time", draw_gets, act, judge),
        Scenario::new("two encode at the same time", draw_encodings, act, judge),
        Scenario::new("one is killed while it waits", draw_killed, act, judge),
        Scenario::new("messages of any length", draw_lengths, act, judge),
    ]
}

/// Starts those who put and those who get, and waits for them.
fn play<Q, P, G>(input: &Input, queue: Q, put: P, get: G) -> Outcome
where
    Q: Clone + Serialize + DeserializeOwned + 'static,
    P: Fn(&Q, &Message) -> Result<(), Unencodable> + Copy + Send + 'static,
    G: Fn(&Q) -> Vec<u8> + Copy + Send + 'static,
{
    let putting = move |queue: Q, messages: Vec<Message>| {
        let each = |message: &Message| {
            wire::begin();
            note("puts", message.number.into());
            put(&queue, message).is_err()
        };
        messages.iter().map(each).collect::<Vec<bool>>()
    };
    // All numbers are below.
    let most = input.puts.iter().flatten().map(|message| message.number).max();
    let getting = move |queue: Q, count: usize, most: u32| {
        let each = |_| {
            wire::begin();
            let bytes = get(&queue);
            let is = |number: &u32| bytes_of(*number, bytes.len()) == bytes;
            let number = (0..=most).find(is);
            note("gets", number.map_or(-1, i64::from));
            (number, bytes.len())
        };
        (0..count).map(each).collect::<Vec<_>>()
    };
    let start_getting = |count: usize| {
        let child = Process::new(getting, (queue.clone(), count, most.unwrap_or(0))).start();
        child.expect("a process can be started")
    };
    if input.getters == Getters::FirstIsKilled {
        let first = start_getting(1);
        CALM.wait();
        note("is killed", i64::from(first.pid()));
        first.kill().expect("it is our child");
        first.wait().expect("it is our child");
    }
    let getters: Vec<_> = input.gets.iter().map(|count| start_getting(*count)).collect();
    if input.getters != Getters::Together {
        CALM.number(1).wait();
    }
    let putters: Vec<_> = input
        .puts
        .iter()
        .map(|messages| Process::new(putting, (queue.clone(), messages.clone())).start())
        .map(|child| child.expect("a process can be started"))
        .collect();
    let mut all: Vec<_> = putters.iter().map(|child| child.handle()).collect();
    all.extend(getters.iter().map(|child| child.handle()));
    // When one has failed, the others may wait for ever.
    while !all.is_empty() {
        let ended = wait_any(&all, Until::forever()).expect("they are our children");
        let failed = ended
            .iter()
            .any(|at| all[*at].wait().is_ok_and(|status| status != Status::Exited(0)));
        if failed {
            for child in &all {
                child.kill().ok();
                child.wait().ok();
            }
            break;
        }
        for at in ended.into_iter().rev() {
            all.remove(at);
        }
    }
    fn results<T: DeserializeOwned>(children: &[Child<T>]) -> Vec<Option<T>> {
        children.iter().map(|child| child.join().ok()).collect()
    }
    Outcome {
        puts: results(&putters),
        gets: results(&getters),
    }
}

// ---- the scenarios

fn plain(number: u32, len: usize) -> Message {
    let kind = Kind::Plain;
    Message { number, len, kind }
}

fn draw_waiting(draw: &mut Draw) -> Input {
    waiting(draw.size_in(1..=3), Getters::First)
}

fn waiting(count: usize, getters: Getters) -> Input {
    Input {
        puts: vec![(0..count as u32).map(|number| plain(number, 100)).collect()],
        gets: vec![1; count],
        getters,
        is_slow: false,
    }
}

/// Several times what a pipe holds: no read finds all of it, and what is not read stands in the way of the rest.
fn draw_long(draw: &mut Draw) -> Input {
    Input {
        puts: vec![vec![plain(7, draw.number(300_000..=1 << 20) as usize)]],
        gets: vec![1],
        getters: Getters::Together,
        is_slow: false,
    }
}

/// Longer than what a pipe takes as one piece.
fn draw_puts(draw: &mut Draw) -> Input {
    let len = draw.number(5000..=30_000) as usize;
    Input {
        puts: vec![vec![plain(0, len)], vec![plain(1, len + 1)]],
        gets: vec![2],
        getters: Getters::Together,
        is_slow: true,
    }
}

fn draw_gets(draw: &mut Draw) -> Input {
    let len = draw.number(5000..=30_000) as usize;
    Input {
        puts: vec![vec![plain(0, len), plain(1, len + 1)]],
        gets: vec![1, 1],
        getters: Getters::Together,
        is_slow: true,
    }
}

fn draw_encodings(draw: &mut Draw) -> Input {
    let count = draw.size_in(2..=3) as u32;
    let kind = Kind::Together(count);
    let message = |number| Message {
        kind,
        ..plain(number, 50)
    };
    Input {
        puts: (0..count).map(|number| vec![message(number)]).collect(),
        gets: vec![count as usize],
        getters: Getters::Together,
        is_slow: false,
    }
}

fn draw_killed(draw: &mut Draw) -> Input {
    waiting(draw.size_in(1..=2), Getters::FirstIsKilled)
}

fn draw_lengths(draw: &mut Draw) -> Input {
    let many = draw.size_in(1..=3);
    let mut number = 0;
    let mut puts: Vec<Vec<Message>> = Vec::new();
    for _ in 0..many {
        let lengths = [
            1,
            *draw.pick(&[2, 4095, 4096, 4097]),
            *draw.pick(&[65_537, 1 << 20]),
        ];
        let mut messages = Vec::new();
        for len in lengths {
            messages.push(plain(number, len));
            number += 1;
        }
        messages[1].kind = *draw.pick(&[Kind::Plain, Kind::Refused]);
        draw.shuffle(&mut messages);
        puts.push(messages);
    }
    let count = puts
        .iter()
        .flatten()
        .filter(|message| message.kind != Kind::Refused)
        .count();
    let first = draw.number(0..=count as u64) as usize;
    Input {
        puts,
        gets: vec![first, count - first],
        getters: Getters::Together,
        is_slow: false,
    }
}

// ---- what was seen

fn judge(input: &Input, seen: &Evidence<Outcome>, found: &mut Findings) {
    for (name, does) in [("torn while written", "put"), ("torn while read", "got")] {
        let torn = seen.journal.named(name).next();
        found
            .check("whole", Verdict::Race, torn.is_none(), || {
                let (pid, other) = torn.map_or((0, 0), |event| (event.pid, event.value));
                format!("pid {pid} had {does} a piece of a message, and before its next piece pid {other} {does} one of another message")
            })
            .show_lines(|| story(seen));
    }

    let meetings = seen.meetings("encoding");
    found
        .overlap("outside", meetings, || {
            format!(
                "{} messages were to be encoded at the same time; {} of them kept the others waiting",
                input.puts.len(),
                meetings.missed
            )
        })
        .show_lines(|| story(seen));

    let Some(outcome) = &seen.value else { return };
    let mut due: BTreeMap<u32, usize> = BTreeMap::new();
    for message in input
        .puts
        .iter()
        .flatten()
        .filter(|message| message.kind != Kind::Refused)
    {
        due.insert(message.number, message.len);
    }
    let got: Vec<Got> = outcome.gets.iter().flatten().flatten().copied().collect();
    let strange = got
        .iter()
        .find(|(number, len)| number.is_none_or(|number| due.get(&number) != Some(len)));
    found
        .check("same", Verdict::Wrong, strange.is_none(), || {
            let (number, len) = strange.copied().unwrap_or_default();
            let put = number.and_then(|number| due.get(&number));
            match (number, put) {
                (Some(number), Some(put)) => {
                    format!("of message {number}, which has {put} bytes, {len} were got")
                }
                _ => format!("{len} bytes were got that are the beginning of no message"),
            }
        })
        .show_lines(|| story(seen));
    let once = got.len() == due.len() && outcome.gets.iter().all(Option::is_some);
    found
        .check("same", Verdict::Wrong, once, || {
            format!("{} messages were put and {} were got", due.len(), got.len())
        })
        .show_lines(|| story(seen));

    let refused: Vec<Option<Vec<bool>>> = input
        .puts
        .iter()
        .map(|messages| {
            Some(
                messages
                    .iter()
                    .map(|message| message.kind == Kind::Refused)
                    .collect(),
            )
        })
        .collect();
    found
        .check("refused", Verdict::Wrong, refused == outcome.puts, || {
            "a put did not say whether its message has bytes".to_owned()
        })
        .show_lines(|| story(seen));
}

/// What was done, in order.
fn story(seen: &Evidence<Outcome>) -> Vec<String> {
    const MOST: usize = 18;
    let line = |event: &Event| {
        let value = event.value;
        let does = match event.name.as_str() {
            "puts" => format!("puts message {value}"),
            "encodes" => format!("encodes message {value}"),
            "writes" => format!("writes {value} bytes"),
            "reads" => format!("reads {value} bytes"),
            "gets" if value < 0 => "has got what is no message".to_owned(),
            "gets" => format!("has got bytes of message {value}"),
            "is killed" => format!("(main) kills pid {value}"),
            "torn while written" | "torn while read" => format!("finds that pid {value} was here   <- torn"),
            _ => return None,
        };
        Some(format!("pid {} {does}", event.pid))
    };
    seen.journal.events().iter().filter_map(line).take(MOST).collect()
}
