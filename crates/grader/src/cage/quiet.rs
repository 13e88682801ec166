//! How long nothing has happened, in the answer's own time.
//!
//! A deadline must blame the answer and not the machine. So time counts only as far as the answer could have used it:
//! not while the warden itself was not run (the machine stood still or was overloaded), and not while the answer's
//! processes waited for a processor that others had. Before the last word on an answer that asks for a processor, a
//! *control* is run: a trivial process, whose slowness stretches the deadline.

use std::io;
use std::time::{Duration, Instant};

use super::procfs;
use super::sys::{self, Fork};

/// What an idle machine needs at most to start and reap a trivial process. It takes 0.1 to 0.5 ms.
const NORMAL_START: Duration = Duration::from_millis(4);

/// The deadline is never stretched by more than this.
const MOST: f64 = 10.0;

/// The clock of one run's silence.
pub(crate) struct Quiet {
    deadline: Duration,
    tick: Duration,
    seen: (u64, u64),
    last_look: Instant,
    /// Quiet time as far as the warden was run.
    counted: Duration,
    since: Baseline,
    stretch: f64,
    is_suspect: bool,
}

/// The state of the machine and of the answer when the silence began.
struct Baseline {
    machine: Option<(u64, u64)>,
    waited: Vec<(i32, u64)>,
}

impl Quiet {
    /// `tick` is the time after which the caller looks again at the latest.
    pub(crate) fn new(deadline: Duration, tick: Duration) -> Quiet {
        Quiet {
            deadline,
            tick,
            seen: (u64::MAX, u64::MAX),
            last_look: Instant::now(),
            counted: Duration::ZERO,
            since: Baseline {
                machine: None,
                waited: Vec::new(),
            },
            stretch: 1.0,
            is_suspect: false,
        }
    }

    /// Looks at the journal's position and the number of kernel events. True: nothing has happened for three times the
    /// deadline.
    pub(crate) fn is_over(
        &mut self,
        position: u64,
        events: u64,
        pids: impl Iterator<Item = i32>,
    ) -> io::Result<bool> {
        let now = Instant::now();
        let passed = now.duration_since(self.last_look);
        self.last_look = now;
        if self.seen != (position, events) {
            self.seen = (position, events);
            self.counted = Duration::ZERO;
            self.is_suspect = false;
            self.stretch = 1.0;
            self.since.waited.clear();
            return Ok(false);
        }
        self.counted += passed.min(4 * self.tick);
        if self.since.waited.is_empty() {
            let waited = pids
                .filter_map(|pid| Some((pid, procfs::waited_for_cpu(pid)?)))
                .collect();
            self.since = Baseline {
                machine: procfs::machine_time(),
                waited,
            };
        }
        if !self.is_suspect && self.counted >= self.deadline {
            self.is_suspect = true;
            self.stretch = self.slowness()?;
        }
        let limit = 3 * self.deadline.mul_f64(self.stretch);
        if self.counted < limit || self.counted.saturating_sub(self.kept_from_running()) < limit {
            return Ok(false);
        }
        // The last word: the machine may have become slow since.
        let stretch = self.slowness()?;
        let is_confirmed = stretch <= self.stretch;
        self.stretch = self.stretch.max(stretch);
        Ok(is_confirmed)
    }

    /// For how long nothing has happened.
    pub(crate) fn quiet(&self) -> Duration {
        self.counted
    }

    /// How many times slower than normal the machine is for the answer; at least 1. One that asks for no processor is
    /// not kept waiting by a busy machine.
    fn slowness(&self) -> io::Result<f64> {
        let asks = |(pid, before): &(i32, u64)| {
            let waited = procfs::waited_for_cpu(*pid)
                .unwrap_or(u64::MAX)
                .saturating_sub(*before);
            let is_awake = procfs::stat(*pid).is_none_or(|stat| matches!(stat.state, 'R' | 'D'));
            is_awake || Duration::from_nanos(waited) > self.counted / 100
        };
        if !self.since.waited.is_empty() && !self.since.waited.iter().any(asks) {
            return Ok(1.0);
        }
        control()
    }

    /// Time that a process of the answer waited for a processor in the silence, as far as others had the processors.
    fn kept_from_running(&self) -> Duration {
        let longest = self
            .since
            .waited
            .iter()
            .filter_map(|(pid, before)| Some(procfs::waited_for_cpu(*pid)?.saturating_sub(*before)));
        let longest = Duration::from_nanos(longest.max().unwrap_or(0));
        let (Some((busy, idle)), Some((busy_now, idle_now))) = (self.since.machine, procfs::machine_time())
        else {
            return longest;
        };
        let busy = busy_now.saturating_sub(busy) as f64;
        let all = busy + idle_now.saturating_sub(idle) as f64;
        if all == 0.0 {
            longest
        } else {
            longest.mul_f64(busy / all)
        }
    }
}

/// How many times slower than normal the machine starts a process; at least 1.
fn control() -> io::Result<f64> {
    let start = Instant::now();
    match sys::fork()? {
        Fork::Child => sys::exit_now(0),
        Fork::Parent(pid) => sys::reap(pid)?,
    };
    Ok((start.elapsed().as_secs_f64() / NORMAL_START.as_secs_f64()).clamp(1.0, MOST))
}

#[cfg(test)]
mod tests {
    use super::Quiet;
    use std::time::{Duration, Instant};

    #[test]
    fn silence_is_over_after_three_deadlines_and_not_before() {
        let deadline = Duration::from_millis(20);
        let mut quiet = Quiet::new(deadline, Duration::from_millis(1));
        let start = Instant::now();
        while !quiet.is_over(7, 7, std::iter::empty()).unwrap() {
            std::thread::yield_now();
        }
        assert!(start.elapsed() >= 3 * deadline);
        assert!(quiet.quiet() >= 3 * deadline);
    }

    #[test]
    fn progress_begins_anew() {
        let mut quiet = Quiet::new(Duration::from_millis(5), Duration::from_millis(1));
        let start = Instant::now();
        let mut position = 0;
        while start.elapsed() < Duration::from_millis(40) {
            position += 1;
            assert!(!quiet.is_over(position, 0, std::iter::empty()).unwrap());
        }
    }
}
