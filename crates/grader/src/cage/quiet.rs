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
const MOST: f64 = 6.0;

/// The clock of one run's silence.
pub(crate) struct Quiet {
    /// Three times the deadline.
    limit: Duration,
    tick: Duration,
    seen: (u64, u64),
    last_look: Instant,
    /// Quiet time as far as the warden was run.
    counted: Duration,
    since: Baseline,
    /// When the silence is judged again.
    target: Duration,
    /// The slowest control of this silence.
    slowness: f64,
}

/// The state of the machine and of the answer when the silence began.
struct Baseline {
    machine: Option<(u64, u64)>,
    processes: Vec<Process>,
}

struct Process {
    pid: i32,
    /// Nanoseconds that it waited for a processor while it could have run.
    waited: u64,
    /// Clock ticks that it had a processor.
    cpu: u64,
}

impl Quiet {
    /// `tick` is the time after which the caller looks again at the latest.
    pub(crate) fn new(deadline: Duration, tick: Duration) -> Quiet {
        Quiet {
            limit: 3 * deadline,
            tick,
            seen: (u64::MAX, u64::MAX),
            last_look: Instant::now(),
            counted: Duration::ZERO,
            since: Baseline {
                machine: None,
                processes: Vec::new(),
            },
            target: deadline,
            slowness: 1.0,
        }
    }

    /// Looks at the journal's position and the number of kernel events. True: nothing has happened for three times the
    /// deadline, and the machine is no excuse.
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
            self.target = self.limit / 3;
            self.slowness = 1.0;
            self.since.processes.clear();
            return Ok(false);
        }
        self.counted += passed.min(4 * self.tick);
        if self.since.processes.is_empty() {
            self.since = Baseline {
                machine: procfs::machine_time(),
                processes: pids.filter_map(Process::now).collect(),
            };
        }
        if self.counted < self.target {
            return Ok(false);
        }
        // Suspected at the deadline, judged at three times that, and later again if the machine was an excuse.
        self.target = self.limit.mul_f64(self.excuse()?);
        Ok(self.counted >= self.target)
    }

    /// For how long nothing has happened.
    pub(crate) fn quiet(&self) -> Duration {
        self.counted
    }

    /// How many times longer than on an idle machine the answer may take; at least 1. One that asks for no processor is
    /// not kept waiting by a busy machine.
    fn excuse(&mut self) -> io::Result<f64> {
        let now: Vec<Process> = self
            .since
            .processes
            .iter()
            .filter_map(|before| Process::now(before.pid))
            .collect();
        let is_awake =
            |process: &Process| procfs::stat(process.pid).is_none_or(|stat| matches!(stat.state, 'R' | 'D'));
        let waited = self.waited(&now);
        let asks = now.is_empty() || now.iter().any(is_awake) || waited > self.counted / 100;
        if !asks {
            return Ok(1.0);
        }
        self.slowness = self.slowness.max(control()?);
        let kept = waited.mul_f64(self.share_of_others(&now)).min(self.counted);
        let starved = self.counted.as_secs_f64() / (self.counted - kept).as_secs_f64();
        Ok(self.slowness.max(starved).clamp(1.0, MOST))
    }

    /// The longest that a process waited for a processor in this silence.
    fn waited(&self, now: &[Process]) -> Duration {
        let longest = now
            .iter()
            .map(|process| process.waited.saturating_sub(self.before(process).waited))
            .max();
        Duration::from_nanos(longest.unwrap_or(0))
    }

    /// The part of all processors' time in this silence that others had.
    fn share_of_others(&self, now: &[Process]) -> f64 {
        let (Some((busy, idle)), Some((busy_now, idle_now))) = (self.since.machine, procfs::machine_time())
        else {
            return 1.0;
        };
        let own: u64 = now
            .iter()
            .map(|process| process.cpu.saturating_sub(self.before(process).cpu))
            .sum();
        let busy = busy_now.saturating_sub(busy);
        let all = busy + idle_now.saturating_sub(idle);
        if all == 0 {
            1.0
        } else {
            busy.saturating_sub(own) as f64 / all as f64
        }
    }

    fn before<'a>(&'a self, process: &'a Process) -> &'a Process {
        self.since
            .processes
            .iter()
            .find(|before| before.pid == process.pid)
            .unwrap_or(process)
    }
}

impl Process {
    fn now(pid: i32) -> Option<Process> {
        Some(Process {
            pid,
            waited: procfs::waited_for_cpu(pid)?,
            cpu: procfs::stat(pid)?.cpu,
        })
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
