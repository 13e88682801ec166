//! Deaths that take their time: a process killed by SIGKILL is held at its last moment while somebody in the run still acts.
//!
//! On an idle machine a killed process is gone within microseconds, and a program that does not wait for the end gets away
//! with it. Here the end comes only when all who are left wait for something, as a program that waits for the end does, or
//! when the run has gone on without it: a process was born since, and has written to the journal. Whoever waits loses
//! nothing; whoever does not is seen to be ahead, and not by chance.
//!
//! It does not know what anybody waits for. A program that asks again and again by the clock waits [`LONGEST`].

use std::time::{Duration, Instant};

use super::family::Family;
use super::procfs;
use super::spec::Deaths;
use super::sys::{self, Resume};
use crate::work::quiet::{Sleep, sleep};
use core_process::{Signal, Status};

/// No process is held for longer.
const LONGEST: Duration = Duration::from_millis(500);

/// The dying who are held.
pub(crate) struct Linger {
    deaths: Deaths,
    held: Vec<Held>,
    /// The journal's position at the first birth since somebody is held.
    birth: Option<u64>,
    /// Sleepers and their context switches at the last look.
    asleep: Option<Vec<(i32, u64)>>,
}

struct Held {
    /// Its last thread.
    tid: i32,
    pid: i32,
    since: Instant,
}

impl Linger {
    pub(crate) fn new(deaths: Deaths) -> Linger {
        Linger {
            deaths,
            held: Vec::new(),
            birth: None,
            asleep: None,
        }
    }

    /// Holds a process that is stopped at its exit, if its death is to take its time. False: it is to go on.
    pub(crate) fn hold(&mut self, tid: i32, pid: i32, status: Option<Status>) -> bool {
        let is_slow = self.deaths == Deaths::Slow && status == Some(Status::Signaled(Signal::KILL));
        if is_slow {
            self.held.push(Held {
                tid,
                pid,
                since: Instant::now(),
            });
            self.asleep = None;
        }
        is_slow
    }

    /// Notes the birth of a process.
    pub(crate) fn born(&mut self, at: u64) {
        if !self.held.is_empty() {
            self.birth.get_or_insert(at);
        }
    }

    /// Lets them go whose time has come. To be called again within some milliseconds while anybody is held.
    pub(crate) fn look(&mut self, family: &mut Family, at: u64) {
        if self.held.is_empty() {
            return;
        }
        let went_on = self.birth.is_some_and(|birth| at > birth);
        if went_on || self.all_wait(family) {
            return self.let_go(family, at);
        }
        let (over, held) = std::mem::take(&mut self.held)
            .into_iter()
            .partition(|held| held.since.elapsed() >= LONGEST);
        self.held = held;
        end(over, family, at);
    }

    /// Lets all go.
    pub(crate) fn let_go(&mut self, family: &mut Family, at: u64) {
        end(std::mem::take(&mut self.held), family, at);
        self.birth = None;
        self.asleep = None;
    }

    /// Every thread sleeps, none by the clock, and none has run since the last look.
    fn all_wait(&mut self, family: &Family) -> bool {
        let now = sleepers(family);
        let is_still = now.is_some() && now == self.asleep;
        self.asleep = now;
        is_still
    }
}

/// The threads of all who live and their context switches; `None` if one of them does not sleep, or will wake by the clock.
fn sleepers(family: &Family) -> Option<Vec<(i32, u64)>> {
    let mut sleepers = Vec::new();
    for member in family.alive() {
        let pid = member.record.pid;
        for tid in procfs::threads(pid) {
            let is_asleep =
                procfs::task_stat(pid, tid)?.state == 'S' && sleep(pid as u32, tid as u32) != Sleep::Clock;
            sleepers.push(is_asleep.then_some((tid, procfs::switches(pid, tid)?))?);
        }
    }
    Some(sleepers)
}

/// They were there until now.
fn end(held: Vec<Held>, family: &mut Family, at: u64) {
    for held in held {
        if let Some(member) = family.member(held.pid) {
            member.record.ended_at = Some(at);
        }
        // It may have been freed by the end of its tracer's other work; then there is nobody to resume.
        let _ = sys::resume(held.tid, Resume::Free, 0);
    }
}
