//! Can anybody else in the cage still do something? Asked of the kernel, never of a clock.
//!
//! A look takes the state and the count of context switches of every other thread of the cage. If at two looks all of them
//! are asleep and no count has changed, none of them has run in between, and what they wait for was not done by any of
//! them. A thread that waits for the CPU is in state R: a loaded machine makes the looks slower, and never the answer wrong.
//!
//! What this cannot see is a timer that will wake somebody; so the stillness must hold for [`STILL`] looks, and for
//! [`STILL_WITH_TIMER`] where a thread sleeps by the clock. And a thread that polls never lies still, so one that was
//! scheduled [`POLLS`] times, or used [`TICKS`] of CPU, while no process came or went is not waited for any longer.
//!
//! It does not know what anybody waits for.

use std::collections::BTreeMap;
use std::fs;

use super::wait;
use crate::journal::log::{Line, Log};
use crate::journal::{Phase, Source};

const LOOKS_PER_SIGN: u32 = 10;
const STILL: u32 = 16;
const STILL_WITH_TIMER: u32 = 200;
const POLLS: u64 = 500;
/// Clock ticks of CPU time, of 10 ms each.
const TICKS: u64 = 200;

/// Whether the others move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Motion {
    /// Somebody may still do something.
    Some,
    /// Nobody will.
    None,
}

/// The other threads of the cage.
pub(crate) struct Others<'a> {
    log: &'a Log,
    root: u32,
    me: u32,
    /// As first seen since the last process came or went.
    baseline: BTreeMap<u32, Thread>,
    last: BTreeMap<u32, Thread>,
    still: u32,
    looks: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Thread {
    asleep: bool,
    by_the_clock: bool,
    voluntary: u64,
    switches: u64,
    ticks: u64,
}

impl<'a> Others<'a> {
    /// All threads of the cage but this one.
    pub(crate) fn of_this_thread(log: &'a Log) -> Others<'a> {
        let me = rustix::thread::gettid().as_raw_nonzero().get() as u32;
        let root = log.root().unwrap_or_else(std::process::id);
        Others {
            log,
            root,
            me,
            baseline: BTreeMap::new(),
            last: BTreeMap::new(),
            still: 0,
            looks: 0,
        }
    }

    /// Looks once more. Now and then a line is written, so that the cage sees somebody who watches, and no hang.
    pub(crate) fn look(&mut self) -> Motion {
        self.looks += 1;
        if self.looks.is_multiple_of(LOOKS_PER_SIGN) {
            self.sign_of_life();
        }
        let now = self.threads();
        if !now.keys().eq(self.baseline.keys()) {
            self.baseline.clone_from(&now);
            self.still = 0;
        } else if now.values().all(|thread| thread.asleep) && now == self.last {
            self.still += 1;
        } else {
            self.still = 0;
        }
        let needed = if now.values().any(|thread| thread.by_the_clock) {
            STILL_WITH_TIMER
        } else {
            STILL
        };
        let motion = if self.still >= needed || self.all_poll(&now) {
            Motion::None
        } else {
            Motion::Some
        };
        self.last = now;
        motion
    }

    fn sign_of_life(&self) {
        self.log.append(&Line {
            source: Source::Grader,
            phase: Phase::Point,
            name: "held",
            subject: "",
            object: 0,
            value: i64::from(self.looks),
            location: None,
        });
    }

    /// Whether each of the others lies still or has polled for long enough, and one has.
    fn all_poll(&self, now: &BTreeMap<u32, Thread>) -> bool {
        let mut polled = false;
        let settled = now.iter().all(|(tid, thread)| {
            let Some(first) = self.baseline.get(tid) else {
                return false;
            };
            if thread.voluntary - first.voluntary.min(thread.voluntary) >= POLLS
                || thread.ticks - first.ticks.min(thread.ticks) >= TICKS
            {
                polled = true;
                return true;
            }
            thread.asleep && self.last.get(tid) == Some(thread)
        });
        settled && polled
    }

    fn threads(&self) -> BTreeMap<u32, Thread> {
        let waiting: Vec<u32> = wait::waiting(self.log)
            .into_iter()
            .map(|waiter| waiter.tid)
            .collect();
        let mut threads = BTreeMap::new();
        let mut queue = children(self.root);
        while let Some(pid) = queue.pop() {
            for tid in tasks(pid) {
                queue.extend(children_of_thread(pid, tid));
                if tid != self.me
                    && !waiting.contains(&tid)
                    && let Some(thread) = thread(pid, tid)
                {
                    threads.insert(tid, thread);
                }
            }
        }
        threads
    }
}

/// The children of all threads of a process.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    tasks(pid)
        .into_iter()
        .flat_map(|tid| children_of_thread(pid, tid))
        .collect()
}

/// The threads of a process; none when it is gone.
pub(super) fn tasks(pid: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect()
}

fn children_of_thread(pid: u32, tid: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{tid}/children")).unwrap_or_default();
    list.split_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .collect()
}

/// State and counts of a thread; `None` when it is dead.
fn thread(pid: u32, tid: u32) -> Option<Thread> {
    let stat = fs::read_to_string(format!("/proc/{pid}/task/{tid}/stat")).ok()?;
    // The name in parentheses may hold anything, so fields are counted from its end.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    let ticks = fields
        .clone()
        .skip(10)
        .take(2)
        .filter_map(|ticks| ticks.parse::<u64>().ok())
        .sum();
    let status = fs::read_to_string(format!("/proc/{pid}/task/{tid}/status")).ok()?;
    let count = |key: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
    };
    let voluntary = count("voluntary_ctxt_switches:");
    Some(Thread {
        // S: waits for something. T: stopped by a signal. All else (R, D, t) moves, or will without anybody's help.
        asleep: matches!(state, "S" | "T"),
        by_the_clock: sleeps_by_the_clock(pid, tid),
        voluntary,
        switches: voluntary + count("nonvoluntary_ctxt_switches:"),
        ticks,
    })
}

/// Whether the thread is in `nanosleep` or `clock_nanosleep`; unknown counts as no.
pub(super) fn sleeps_by_the_clock(pid: u32, tid: u32) -> bool {
    let call = fs::read_to_string(format!("/proc/{pid}/task/{tid}/syscall")).unwrap_or_default();
    let number = call
        .split_whitespace()
        .next()
        .and_then(|number| number.parse::<i64>().ok());
    number.is_some_and(|number| number == libc::SYS_nanosleep || number == libc::SYS_clock_nanosleep)
}
