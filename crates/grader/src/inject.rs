//! Faults: a process is killed or stopped, or a system call fails, at a chosen place of a run.
//!
//! A place is the n-th system call of the n-th process, or a *named point* in the program: a call of [`point`]. The
//! tracer counts system calls at their entry, so a kill there means that the call was not made. Under `/proc` alone no
//! fault can be injected.
//!
//! [`sweep`] runs a program again and again with a fault at its first, second, third ... system call, and tells what
//! came of each run.

mod sweep;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::cage::family::Family;
use crate::cage::registers::{self, Stop};
use crate::cage::{procfs, sys, syscalls};

pub use sweep::{Sweep, SweepRun, sweep, sweep_here};

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Where.
    pub at: At,
    /// What.
    pub action: Action,
}

/// A place in a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum At {
    /// The entry of a system call.
    Call {
        /// Of which process, in the order of birth; 0 is the main process.
        process: u32,
        /// Its how-manieth, from 1. The main process's are counted from its exec.
        call: u64,
        /// Calls are counted from the first time that any process passes this named point.
        after: Option<String>,
        /// The fault is off once any process has passed this named point.
        until: Option<String>,
    },
    /// A named point.
    Point {
        /// The name given to [`point`].
        name: String,
        /// The how-manieth time that a process passes it, from 1.
        hit: u32,
    },
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// The process is killed by SIGKILL.
    Kill,
    /// The process is stopped by SIGSTOP, for good.
    Stop,
    /// The system call is not made and fails with this error number. At a named point: the next call after it.
    Errno(i32),
}

/// A fault that was injected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Injected {
    /// Index in [`CageSpec::faults`](crate::cage::CageSpec::faults).
    pub fault: usize,
    /// The process that it hit.
    pub pid: i32,
    /// The system call at whose entry it hit.
    pub call: String,
    /// The journal's position.
    pub at: u64,
}

/// Marks a place in the program by a name, for faults. Costs one system call (a `prctl` that does nothing).
pub fn point(name: &str) {
    sys::mark(name);
}

/// The faults of one run and how far they are.
pub(crate) struct Injector {
    plans: Vec<Plan>,
    injected: Vec<Injected>,
    /// Threads inside a call that is to fail.
    failing: HashMap<i32, i32>,
}

struct Plan {
    fault: Fault,
    is_done: bool,
    /// Calls or hits so far.
    count: u64,
    /// The named point after which calls count has been passed.
    is_open: bool,
    /// The process whose next call is to fail.
    armed: Option<i32>,
}

impl Injector {
    pub(crate) fn new(faults: &[Fault]) -> Injector {
        let plans = faults.iter().map(|fault| Plan {
            is_open: !matches!(fault.at, At::Call { after: Some(_), .. }),
            fault: fault.clone(),
            is_done: false,
            count: 0,
            armed: None,
        });
        Injector {
            plans: plans.collect(),
            injected: Vec::new(),
            failing: HashMap::new(),
        }
    }

    /// A process has replaced its image: calls of its threads are over.
    pub(crate) fn at_exec(&mut self, tid: i32) {
        self.failing.remove(&tid);
    }

    pub(crate) fn into_injected(self) -> Vec<Injected> {
        self.injected
    }

    /// Whether the system calls of the process at this place in the order of birth have to be seen.
    pub(crate) fn counts_calls_of(&self, place: usize) -> bool {
        !self.failing.is_empty()
            || self
                .plans
                .iter()
                .filter(|plan| !plan.is_done)
                .any(|plan| match plan.fault.at {
                    At::Call {
                        process, ref until, ..
                    } => !plan.is_open || process as usize == place || until.is_some(),
                    At::Point { .. } => true,
                })
    }

    /// A thread is stopped at the entry or the exit of a system call.
    pub(crate) fn at_call(&mut self, tid: i32, pid: i32, family: &mut Family, position: u64) {
        let (number, args) = match registers::stop(tid) {
            Some(Stop::Entry { number, args }) => (number, args),
            Some(Stop::Exit) => {
                if let Some(errno) = self.failing.remove(&tid) {
                    registers::set_result(tid, -i64::from(errno));
                }
                return;
            }
            None => return,
        };
        let Some(place) = family.place(pid) else { return };
        let Some(member) = family.member(pid) else { return };
        if place == 0 && member.record.execs == 0 {
            return;
        }
        member.calls += 1;
        let named = announced(pid, number, &args);
        for (index, plan) in self
            .plans
            .iter_mut()
            .enumerate()
            .filter(|(_, plan)| !plan.is_done)
        {
            if !plan.is_reached(place, pid, named.as_deref()) {
                continue;
            }
            plan.is_done = true;
            self.injected.push(Injected {
                fault: index,
                pid,
                call: syscalls::name(number),
                at: position,
            });
            match plan.fault.action {
                // An error means that it is dead already.
                Action::Kill => drop(sys::kill(pid, libc::SIGKILL)),
                Action::Stop => drop(sys::kill(pid, libc::SIGSTOP)),
                Action::Errno(errno) => {
                    registers::skip(tid);
                    self.failing.insert(tid, errno);
                }
            }
        }
    }
}

impl Plan {
    /// Counts a call of the process and says whether the fault is due.
    fn is_reached(&mut self, place: usize, pid: i32, named: Option<&str>) -> bool {
        if self.armed == Some(pid) {
            return true;
        }
        match &self.fault.at {
            At::Call {
                process,
                call,
                after,
                until,
            } => {
                if named.is_some() && named == until.as_deref() {
                    self.is_done = true;
                    return false;
                }
                if !self.is_open {
                    self.is_open = named.is_some() && named == after.as_deref();
                    return false;
                }
                if place != *process as usize {
                    return false;
                }
                self.count += 1;
                self.count == *call
            }
            At::Point { name, hit } => {
                if named != Some(name) {
                    return false;
                }
                self.count += 1;
                if self.count != u64::from(*hit) {
                    return false;
                }
                if matches!(self.fault.action, Action::Errno(_)) {
                    self.armed = Some(pid);
                    return false;
                }
                true
            }
        }
    }
}

/// The name of the point that this system call marks, if it does.
fn announced(pid: i32, number: i64, args: &[u64; 6]) -> Option<String> {
    const LONGEST: u64 = 256;
    if number != libc::SYS_prctl || args[0] != sys::MARK {
        return None;
    }
    let bytes = procfs::memory(pid, args[1], args[2].min(LONGEST) as usize)?;
    String::from_utf8(bytes).ok()
}
