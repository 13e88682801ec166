//! Can anybody else in the cage still do something? Asked of the kernel, never of a clock.
//!
//! A look takes the state and the count of context switches of every other thread of the cage. If at two looks all of them
//! are asleep and no count has changed, none of them has run in between, and what they wait for was not done by any of
//! them. A thread that waits for the CPU is in state R: a loaded machine makes the looks slower, and never the answer wrong.
//!
//! Who waits in this project's own primitives wakes up now and then to look whether a wake-up was lost or somebody has died
//! (`sync/src/pace.rs`), and sleeps again. So a thread that sleeps on a word of memory is still if it sleeps on the same word for the
//! same value as at the last look, and has woken no more often than such a wait does.
//!
//! What this cannot see is a timer that will wake somebody; so the stillness must hold for [`STILL`] looks, and for
//! [`STILL_WITH_TIMER`] where a thread sleeps by the clock. And a thread that polls never lies still, so one that was
//! scheduled [`POLLS`] times, or used [`TICKS`] of CPU, while no process came or went is not waited for any longer.
//!
//! It does not know what anybody waits for.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use super::wait;
use crate::journal::log::{Line, Log};
use crate::journal::{Phase, Source};

const LOOKS_PER_SIGN: u32 = 10;
const STILL: u32 = 16;
const STILL_WITH_TIMER: u32 = 200;
const POLLS: u64 = 500;
/// Clock ticks of CPU time, of 10 ms each.
const TICKS: u64 = 200;
/// Less than the time between two looks of the most watchful wait of the library.
const WATCHFUL: Duration = Duration::from_millis(15);

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
    looked: Instant,
    position: u64,
    still: u32,
    looks: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Thread {
    asleep: bool,
    sleep: Sleep,
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
            looked: Instant::now(),
            position: 0,
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
        let elapsed = self.looked.elapsed();
        self.looked = Instant::now();
        // Who writes a line moves, however it sleeps.
        let position = self.log.position();
        let wrote = std::mem::replace(&mut self.position, position) != position;
        let now = self.threads();
        if !now.keys().eq(self.baseline.keys()) {
            self.baseline.clone_from(&now);
            self.still = 0;
        } else if !wrote
            && now
                .iter()
                .all(|(tid, thread)| self.is_still(*tid, thread, elapsed))
        {
            self.still += 1;
        } else {
            self.still = 0;
        }
        let needed = if now.values().any(|thread| thread.sleep == Sleep::Clock) {
            STILL_WITH_TIMER
        } else {
            STILL
        };
        let motion = if self.still >= needed || self.all_poll(&now, elapsed) {
            Motion::None
        } else {
            Motion::Some
        };
        self.last = now;
        motion
    }

    fn sign_of_life(&mut self) {
        self.log.append(&Line {
            source: Source::Grader,
            phase: Phase::Point,
            name: "held",
            subject: "",
            object: 0,
            value: i64::from(self.looks),
            location: None,
        });
        // Its own line is no motion of others.
        self.position += 1;
    }

    /// Whether the thread sleeps, as it did at the last look.
    fn is_still(&self, tid: u32, thread: &Thread, elapsed: Duration) -> bool {
        let Some(last) = self.last.get(&tid) else {
            return false;
        };
        let woken = thread.switches.saturating_sub(last.switches);
        thread.asleep
            && (thread == last || last.asleep && only_looked(thread.sleep, last.sleep, woken, elapsed))
    }

    /// Whether each of the others lies still or has polled for long enough, and one has.
    fn all_poll(&self, now: &BTreeMap<u32, Thread>, elapsed: Duration) -> bool {
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
            self.is_still(*tid, thread, elapsed)
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
        sleep: sleep(pid, tid),
        voluntary,
        switches: voluntary + count("nonvoluntary_ctxt_switches:"),
        ticks,
    })
}

/// What a thread sleeps in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sleep {
    /// `nanosleep` or `clock_nanosleep`.
    Clock,
    /// A wait for a change of the word at this address from this value.
    Word { address: u64, value: u64 },
    /// Another system call, or none, or the kernel does not tell.
    Other,
}

/// Whether a thread that slept so before and sleeps so now has in between only looked at its word, and found it unchanged.
pub(super) fn only_looked(now: Sleep, before: Sleep, woken: u64, elapsed: Duration) -> bool {
    let most = 1 + elapsed.as_millis() / WATCHFUL.as_millis();
    matches!(now, Sleep::Word { .. }) && now == before && u128::from(woken) <= most
}

/// What the thread sleeps in.
pub(crate) fn sleep(pid: u32, tid: u32) -> Sleep {
    let call = fs::read_to_string(format!("/proc/{pid}/task/{tid}/syscall")).unwrap_or_default();
    let mut fields = call.split_whitespace();
    let Some(number) = fields.next().and_then(|number| number.parse::<i64>().ok()) else {
        return Sleep::Other;
    };
    let args: Vec<u64> = fields
        .filter_map(|arg| u64::from_str_radix(arg.strip_prefix("0x")?, 16).ok())
        .collect();
    match (number, args.as_slice()) {
        (libc::SYS_nanosleep | libc::SYS_clock_nanosleep, _) => Sleep::Clock,
        (libc::SYS_futex, &[address, _, value, ..]) => Sleep::Word { address, value },
        _ => Sleep::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_that_looks_again_is_still_and_one_that_polls_is_not() {
        let word = |value| Sleep::Word { address: 64, value };
        let step = Duration::from_millis(5);
        assert!(only_looked(word(1), word(1), 1, step));
        assert!(only_looked(word(1), word(1), 3, Duration::from_millis(40)));
        assert!(
            !only_looked(word(2), word(1), 1, step),
            "the word was changed meanwhile"
        );
        assert!(
            !only_looked(word(1), word(1), 4, step),
            "it asks every millisecond"
        );
        assert!(!only_looked(Sleep::Other, Sleep::Other, 1, step));
        assert!(!only_looked(Sleep::Clock, Sleep::Clock, 1, step));
    }

    #[test]
    fn what_a_thread_sleeps_in_is_what_the_kernel_says() {
        let (told, tid) = std::sync::mpsc::channel();
        let sleeper = std::thread::spawn(move || {
            told.send(rustix::thread::gettid().as_raw_nonzero().get() as u32)
                .unwrap();
            std::thread::park();
        });
        let tid = tid.recv().unwrap();
        // The kernel may refuse to tell; then nothing is known, and never something else.
        for _ in 0..1000 {
            if matches!(sleep(std::process::id(), tid), Sleep::Word { .. }) {
                break;
            }
            std::thread::yield_now();
        }
        assert_ne!(sleep(std::process::id(), tid), Sleep::Clock);
        sleeper.thread().unpark();
        sleeper.join().unwrap();
    }
}
