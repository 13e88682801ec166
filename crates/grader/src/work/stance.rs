//! What another process does at this moment, by the kernel's word: does it move, or does it sleep until somebody does something?
//!
//! With it a scenario's main process leads others through a schedule, step by step: it lets one of them go on, waits until that one
//! has come as far as it can, and only then does the next thing. [`freeze`] and [`thaw`] keep one off the processor meanwhile, as a
//! scheduler may at any moment.
//!
//! Invariant: no clock decides. It does not know what is waited for.

use std::fs;
use std::time::Duration;

use core_process::{ChildHandle, Signal, SignalError};

use super::quiet::{Sleep, sleep, tasks};

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stance {
    /// It runs, or would if a processor were free, or is in the middle of something in the kernel.
    Moves,
    /// It sleeps by the clock: it will go on by itself.
    Dozes,
    /// All its threads sleep until somebody does something. (A wait that is cut into short pieces, as the library's are, counts as one.)
    Sleeps,
    /// It is stopped by a signal.
    Stopped,
    /// It has ended, or was never there.
    Gone,
}

/// Between two looks at a process that has been told to stop or to go on.
const STEP: Duration = Duration::from_micros(200);

/// What process `pid` does now.
pub fn stance(pid: u32) -> Stance {
    let threads: Vec<Stance> = tasks(pid)
        .into_iter()
        .filter_map(|tid| stance_of_thread(pid, tid))
        .collect();
    let any = |stance| threads.contains(&stance);
    match threads.as_slice() {
        [] => Stance::Gone,
        _ if any(Stance::Moves) => Stance::Moves,
        _ if any(Stance::Stopped) => Stance::Stopped,
        _ if any(Stance::Dozes) => Stance::Dozes,
        _ => Stance::Sleeps,
    }
}

/// Processor time that process `pid` has used since its start; zero when it is gone.
pub fn processor_time_of(pid: u32) -> Duration {
    let ticks: u64 = tasks(pid)
        .into_iter()
        .filter_map(|tid| {
            let fields = fields(pid, tid)?;
            let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
            Some(ticks(11)? + ticks(12)?)
        })
        .sum();
    Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second())
}

/// Stops a child of the caller, and returns when it stands still: from then on it does nothing until [`thaw`].
///
/// # Errors
/// The library's: it is no child of the calling process. One that has ended stands still already.
pub fn freeze(child: &ChildHandle) -> Result<(), SignalError> {
    child.signal(Signal::STOP)?;
    // Under a tracer the state of a stopped process is that of a traced one; `Stopped` is both.
    while !matches!(stance(child.pid()), Stance::Stopped | Stance::Gone) {
        std::thread::sleep(STEP);
    }
    Ok(())
}

/// Lets a frozen child go on, and returns when it may.
///
/// # Errors
/// As [`freeze`].
pub fn thaw(child: &ChildHandle) -> Result<(), SignalError> {
    child.signal(Signal::CONT)?;
    while stance(child.pid()) == Stance::Stopped {
        std::thread::sleep(STEP);
    }
    Ok(())
}

fn stance_of_thread(pid: u32, tid: u32) -> Option<Stance> {
    let state = fields(pid, tid)?.first()?.chars().next()?;
    match state {
        'Z' | 'X' => None,
        'T' | 't' => Some(Stance::Stopped),
        'S' if sleep(pid, tid) == Sleep::Clock => Some(Stance::Dozes),
        'S' => Some(Stance::Sleeps),
        _ => Some(Stance::Moves),
    }
}

/// The fields of a thread's `stat` from the state on.
fn fields(pid: u32, tid: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/task/{tid}/stat")).ok()?;
    // The name in parentheses may hold anything, so fields are counted from its end.
    let fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some(fields.map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use core_process::{Child, Process};

    fn until(child: &Child<()>, wanted: Stance) {
        while stance(child.pid()) != wanted {
            std::thread::sleep(STEP);
        }
    }

    fn end(child: &Child<()>) {
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(stance(child.pid()), Stance::Gone);
    }

    fn park() {
        loop {
            std::thread::park();
        }
    }

    fn doze() {
        std::thread::sleep(Duration::from_secs(600));
    }

    fn spin() {
        loop {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn sleeping_dozing_and_running_are_told_apart() {
        let sleeper = Process::new(park, ()).start().unwrap();
        until(&sleeper, Stance::Sleeps);
        end(&sleeper);
        let dozer = Process::new(doze, ()).start().unwrap();
        until(&dozer, Stance::Dozes);
        end(&dozer);
        let spinner = Process::new(spin, ()).start().unwrap();
        while processor_time_of(spinner.pid()) < Duration::from_millis(50) {
            std::thread::sleep(STEP);
        }
        assert_eq!(stance(spinner.pid()), Stance::Moves);
        end(&spinner);
    }

    #[test]
    fn a_frozen_process_stands_still_until_it_is_thawed() {
        let spinner = Process::new(spin, ()).start().unwrap();
        freeze(&spinner).unwrap();
        let before = processor_time_of(spinner.pid());
        std::thread::sleep(Duration::from_millis(60));
        assert_eq!(stance(spinner.pid()), Stance::Stopped);
        assert_eq!(processor_time_of(spinner.pid()), before);
        thaw(&spinner).unwrap();
        while processor_time_of(spinner.pid()) == before {
            std::thread::sleep(STEP);
        }
        end(&spinner);
    }
}
