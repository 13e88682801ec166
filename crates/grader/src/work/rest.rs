//! Does a process sleep while there is nothing for it to do, or does it ask again and again?
//!
//! A workload that knows that nothing can happen now looks at another process in short steps: the state, the context switches
//! and the processor time of each of its threads. A process that waits is asleep at every look, with counts that stand
//! still; or it waits for a change of one word of memory and looks at it now and then, as this project's own primitives do. One that polls wakes up again and again, or never sleeps.
//!
//! Invariant: no clock decides. Only steps in which the process really ran count against it; one that would like to run and
//! is not let by a loaded machine is neither at rest nor awake, and the watch goes on. It does not know what is waited for.

use std::collections::BTreeMap;
use std::fs;
use std::panic::Location;
use std::time::{Duration, Instant};

use core_process::probe::Phase;

use super::quiet::{Sleep, only_looked, sleep, tasks};
use super::write_about;

/// What was seen of a process that had nothing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// It slept.
    Asleep,
    /// It never slept for long: it ran in so many of the steps.
    Awake(u32),
    /// This machine was too busy to tell, or the process is gone.
    Undecided,
}

/// Between two looks.
const STEP: Duration = Duration::from_millis(5);
/// Steps without a sign of life, in a row, that show sleep.
const STILL: u32 = 30;
/// Steps in which it ran that show that it does not sleep: more than any unfinished business takes.
const AWAKE: u32 = 30;
/// Fewer than `quiet::POLLS`: those who wait beside it do not give up while it watches.
const AT_MOST: u32 = 400;
/// So many steps lie between two lines that show the cage that this is no hang.
const STEPS_PER_SIGN: u32 = 40;

/// Watches process `pid` until it is clear whether it sleeps. Call it only while nothing can happen that `pid` waits for.
///
/// Leaves the event `"rest"` in the journal: its object is `pid`, its value 0 for sleep, the number of steps in which it ran,
/// or -1 when it could not be told. [`Evidence::rest`](crate::Evidence::rest) reads it.
#[track_caller]
pub fn watch_rest(pid: u32) -> Rest {
    let rest = watch(pid);
    let value = match rest {
        Rest::Asleep => 0,
        Rest::Awake(steps) => i64::from(steps),
        Rest::Undecided => -1,
    };
    write_about(
        REST,
        Phase::Point,
        u64::from(pid),
        value,
        Some(Location::caller()),
    );
    rest
}

pub(crate) const REST: &str = "rest";

fn watch(pid: u32) -> Rest {
    let (mut still, mut awake) = (0, 0);
    let mut before = threads(pid);
    let mut looked = Instant::now();
    for step in 1..=AT_MOST {
        if step % STEPS_PER_SIGN == 0 {
            write_about("held", Phase::Point, u64::from(pid), i64::from(step), None);
        }
        std::thread::sleep(STEP);
        let now = threads(pid);
        let elapsed = looked.elapsed();
        looked = Instant::now();
        if now.is_empty() {
            return Rest::Undecided;
        }
        let ran = now.iter().any(|(tid, thread)| {
            before
                .get(tid)
                .is_none_or(|earlier| thread.has_run_since(earlier, elapsed))
        });
        if ran {
            awake += 1;
            still = 0;
        } else if now.values().all(|thread| thread.asleep) {
            still += 1;
        } else {
            still = 0;
        }
        if still >= STILL {
            return Rest::Asleep;
        }
        if awake >= AWAKE {
            return Rest::Awake(awake);
        }
        before = now;
    }
    Rest::Undecided
}

struct Thread {
    asleep: bool,
    sleep: Sleep,
    switches: u64,
    ticks: u64,
}

impl Thread {
    /// Whether it has run, and not only looked once more at the word that it waits for.
    fn has_run_since(&self, earlier: &Thread, elapsed: Duration) -> bool {
        let woken = self.switches.saturating_sub(earlier.switches);
        let ran = woken > 0 || self.ticks != earlier.ticks;
        let looked = self.asleep && earlier.asleep && only_looked(self.sleep, earlier.sleep, woken, elapsed);
        ran && !looked
    }
}

fn threads(pid: u32) -> BTreeMap<u32, Thread> {
    tasks(pid)
        .into_iter()
        .filter_map(|tid| Some((tid, thread(pid, tid)?)))
        .collect()
}

fn thread(pid: u32, tid: u32) -> Option<Thread> {
    let stat = fs::read_to_string(format!("/proc/{pid}/task/{tid}/stat")).ok()?;
    // The name in parentheses may hold anything, so fields are counted from its end.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let state = *fields.first()?;
    let ticks = |at: usize| fields.get(at).and_then(|ticks| ticks.parse::<u64>().ok());
    let status = fs::read_to_string(format!("/proc/{pid}/task/{tid}/status")).ok()?;
    let switches = status
        .lines()
        .filter_map(|line| line.split_once("ctxt_switches:")?.1.trim().parse::<u64>().ok())
        .sum();
    (!matches!(state, "Z" | "X")).then_some(Thread {
        asleep: state != "R",
        sleep: sleep(pid, tid),
        switches,
        ticks: ticks(11)? + ticks(12)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use core_process::{Child, Process};

    fn seen_of(child: Child<()>) -> Rest {
        let rest = watch_rest(child.pid());
        child.kill().unwrap();
        child.wait().unwrap();
        rest
    }

    fn sleep() {
        loop {
            std::thread::park();
        }
    }

    fn poll() {
        loop {
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn spin() {
        loop {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn who_waits_sleeps_and_who_asks_again_and_again_does_not() {
        // A machine that cannot tell is no failure, but the opposite of the truth is one.
        assert!(!matches!(
            seen_of(Process::new(sleep, ()).start().unwrap()),
            Rest::Awake(_)
        ));
        assert_ne!(seen_of(Process::new(poll, ()).start().unwrap()), Rest::Asleep);
        assert_ne!(seen_of(Process::new(spin, ()).start().unwrap()), Rest::Asleep);
    }

    #[test]
    fn of_a_process_that_is_gone_nothing_is_said() {
        let child = Process::new(|| (), ()).start().unwrap();
        child.wait().unwrap();
        assert_eq!(watch_rest(child.pid()), Rest::Undecided);
    }
}
