//! A station of lesson 3.5: a process that follows a script of letters to send, letters to wait for, and perhaps its own death.
//!
//! Invariant: what a station has sent or got is in the journal. It does not know who carries its letters.

use std::collections::BTreeMap;
use std::time::Duration;

use core_process::Signal;
use grader::work::{Counter, Gate, Stance, die, note, stance, watch_rest};
use ipc::{Receiver, Sender};
use serde::{Deserialize, Serialize};

/// A letter from one station to another one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Letter {
    /// The number of the station that it is for.
    pub to: u32,
    from: u32,
    /// Of this pair's letters the how-manieth, from 0.
    number: u32,
    text: Vec<u8>,
}

/// A station: an argument of its process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Station {
    /// Its number, which is its place in the list, from 0.
    pub number: u32,
    pub(super) script: Vec<Step>,
}

/// What a station does, one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Step {
    /// Sends so many letters.
    Send { to: u32, count: u32 },
    /// Waits until it has got so many from there.
    Hear { from: u32, count: u32 },
    /// Waits until that station's process is dead.
    Mourn { station: u32 },
    /// Says that its letters are on their way.
    Sent,
    /// Waits until these have closed, or died, and then looks whether the main process sleeps.
    Watch { closed: Vec<u32>, dead: Vec<u32> },
    /// Is killed.
    Die,
}

impl Station {
    pub(super) fn dies(&self) -> bool {
        self.script.contains(&Step::Die)
    }
}

pub(super) const PID: Counter = Counter::named("pid of station");
const SENT: Counter = Counter::named("stations whose letters are on their way");
pub(super) const ALL_SENT: Gate = Gate::named("all letters of the burst are on their way");
pub(super) const DIES: Gate = Gate::named("dies");
const CLOSED: Gate = Gate::named("closed");
pub(super) const WATCH: &str = "watches the main process";

/// A station's whole life; the number of letters that it has got. It sends by `out`, closes it when it has nothing more to send, and
/// then takes what comes by `inbox` until nothing more can.
pub fn live(station: Station, out: Sender<Letter>, inbox: Receiver<Letter>) -> u64 {
    note("lives", station.number.into());
    let me = u64::from(station.number);
    PID.number(me).fetch_add(u64::from(std::process::id()));
    let mut life = Life {
        me: station.number,
        inbox,
        got: BTreeMap::new(),
    };
    let mut sent: BTreeMap<u32, u32> = BTreeMap::new();
    for step in &station.script {
        match step {
            Step::Send { to, count } => {
                for _ in 0..*count {
                    let number = sent.entry(*to).or_default();
                    life.send(&out, *to, *number);
                    *number += 1;
                }
            }
            Step::Hear { from, count } => {
                while life.got.get(from).is_none_or(|got| got < count) {
                    if !life.take() {
                        return life.total();
                    }
                }
            }
            Step::Mourn { station } => mourn(*station),
            Step::Sent => {
                let needed = NEEDED.value();
                if SENT.fetch_add(1) + 1 == needed {
                    ALL_SENT.open();
                }
            }
            Step::Watch { closed, dead } => {
                for station in closed {
                    CLOSED.number((*station).into()).wait();
                }
                dead.iter().for_each(|station| mourn(*station));
                watch_the_main_process();
            }
            Step::Die => {
                DIES.number(me).open();
                die(Signal::KILL);
            }
        }
    }
    drop(out);
    CLOSED.number(me).open();
    while life.take() {}
    life.total()
}

/// Stations that send a burst.
pub(super) const NEEDED: Counter = Counter::named("stations that send a burst");

struct Life {
    me: u32,
    inbox: Receiver<Letter>,
    got: BTreeMap<u32, u32>,
}

impl Life {
    fn send(&self, out: &Sender<Letter>, to: u32, number: u32) {
        let letter = Letter {
            to,
            from: self.me,
            number,
            text: text(self.me, number),
        };
        match out.send(&letter) {
            Ok(()) => note("sends", code(self.me, to, number)),
            Err(_) => note("cannot send", code(self.me, to, number)),
        }
    }

    /// Takes a letter; `false` when none will come any more.
    fn take(&mut self) -> bool {
        let Ok(letter) = self.inbox.recv() else {
            return false;
        };
        note("gets", code(letter.from, letter.to, letter.number));
        if letter.to != self.me {
            note("gets another's", code(letter.from, letter.to, letter.number));
        }
        if letter.text != text(letter.from, letter.number) {
            note("gets another text", code(letter.from, letter.to, letter.number));
        }
        *self.got.entry(letter.from).or_default() += 1;
        true
    }

    fn total(&self) -> u64 {
        self.got.values().map(|count| u64::from(*count)).sum()
    }
}

fn text(from: u32, number: u32) -> Vec<u8> {
    vec![from as u8; (number * 37 % 300) as usize]
}

fn code(from: u32, to: u32, number: u32) -> i64 {
    i64::from(from) * 1_000_000 + i64::from(to) * 1000 + i64::from(number)
}

/// The pair and the number of the letter that has this code in the journal.
pub(super) fn parts(code: i64) -> (u32, u32, u32) {
    (
        (code / 1_000_000) as u32,
        (code / 1000 % 1000) as u32,
        (code % 1000) as u32,
    )
}

/// Waits until that station's process is dead.
fn mourn(station: u32) {
    loop {
        let pid = PID.number(station.into()).value();
        if pid != 0 && stance(pid as u32) == Stance::Gone {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

pub(super) const WATCHED: Gate = Gate::named("the main process is watched");
pub(super) const IS_WATCHED: Counter = Counter::named("watches");

fn watch_the_main_process() {
    let Some(main) = core_process::parent() else {
        return;
    };
    IS_WATCHED.fetch_add(1);
    note(WATCH, 0);
    watch_rest(main.pid());
    WATCHED.open();
}
