//! The process that is stepped and killed, and those that sleep meanwhile.
//!
//! Invariant: a victim is stopped whenever this process looks at it, and is gone when its value was killed.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::Instant;

use core_process::{Child, ForkProcess};
use nix::sys::ptrace;
use nix::sys::signal::{Signal, raise};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};

use super::{Deaths, Shared, WATCHDOG, robust_list};

/// Bytes of the head of a thread's list of robust mutexes.
const ROBUST_LIST: usize = 24;

/// The exit code of a victim that must not be traced.
const FORBIDDEN: i32 = 77;

/// Where the kernel shows a stopped thread's instruction pointer.
#[cfg(target_arch = "x86_64")]
const RIP: usize = std::mem::offset_of!(libc::user_regs_struct, rip);

/// The instruction that stops whoever comes there.
#[cfg(target_arch = "x86_64")]
const BREAKPOINT: [u8; 1] = [0xCC];

/// Called by the victim: the operation begins, or has ended.
pub fn mark() {
    // It cannot fail for a signal that there is.
    let _ = raise(Signal::SIGSTOP);
}

pub(super) struct Victim {
    child: Child<()>,
    pid: Pid,
    private: File,
    head: u64,
    /// Whether the instruction at an address enters the kernel.
    calls: HashMap<u64, bool>,
}

/// A place in a run: an instruction that is reached for the how-manieth time. Forked from one process, all victims have their code at the
/// same addresses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    at: u64,
    visit: u32,
}

impl Victim {
    /// Starts a process that runs to its first mark.
    pub(super) fn start(body: Box<dyn Fn()>) -> io::Result<Self> {
        let recipe = ForkProcess::new(move || {
            if ptrace::traceme().is_err() {
                core_process::exit_now(FORBIDDEN);
            }
            body();
        });
        let child = recipe.start().map_err(io::Error::other)?;
        let pid = Pid::from_raw(child.pid().cast_signed());
        match waitpid(pid, None)? {
            WaitStatus::Stopped(_, Signal::SIGSTOP) => {}
            WaitStatus::Exited(_, FORBIDDEN) => return Err(io::ErrorKind::PermissionDenied.into()),
            other => return Err(io::Error::other(format!("before it began: {other:?}"))),
        }
        Ok(Self {
            child,
            pid,
            private: File::options()
                .read(true)
                .write(true)
                .open(format!("/proc/{pid}/mem"))?,
            head: robust_list::head(pid.as_raw())?,
            calls: HashMap::new(),
        })
    }

    /// Steps through the whole operation: each place at which something changed that would outlive the victim, or at which it entered the
    /// kernel; and how many instructions there were.
    pub(super) fn record(&mut self, shared: &[Shared]) -> io::Result<(Vec<Place>, u64)> {
        let _beside = Beside::new(self.pid)?;
        let (mut before, mut now) = self.legacies(shared)?;
        let (mut places, mut visits, mut instructions) = (Vec::new(), HashMap::new(), 0);
        loop {
            let at = self.next_instruction()?;
            let calls = self.enters_the_kernel(at)?;
            let visit: &mut u32 = visits.entry(at).or_default();
            *visit += 1;
            if !self.step()? {
                return Ok((places, instructions));
            }
            instructions += 1;
            self.read_legacy(shared, &mut now)?;
            if calls || now != before {
                places.push(Place { at, visit: *visit });
                std::mem::swap(&mut now, &mut before);
            }
        }
    }

    /// Runs through the operation up to a place that was recorded, and does its instruction. Whether it came there.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn run_to(&mut self, place: Place) -> io::Result<bool> {
        let _beside = Beside::new(self.pid)?;
        let mut original = [0];
        self.private.read_exact_at(&mut original, place.at)?;
        for _ in 0..place.visit {
            self.private.write_all_at(&BREAKPOINT, place.at)?;
            ptrace::cont(self.pid, None)?;
            if !self.is_stopped_inside()? {
                return Ok(false);
            }
            let mut registers = ptrace::getregs(self.pid)?;
            registers.rip -= 1;
            ptrace::setregs(self.pid, registers)?;
            self.private.write_all_at(&original, place.at)?;
            if !self.step()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Where there is no breakpoint, it steps all the way.
    #[cfg(not(target_arch = "x86_64"))]
    #[allow(clippy::unnecessary_wraps, reason = "as where there is one")]
    pub(super) fn run_to(&mut self, _place: Place) -> io::Result<bool> {
        Ok(false)
    }

    /// Does so many instructions, or as many of them as change something. Whether it is still inside the operation.
    pub(super) fn run_for(&mut self, number: u32, deaths: Deaths, shared: &[Shared]) -> io::Result<bool> {
        let _beside = Beside::new(self.pid)?;
        let (mut before, mut now) = self.legacies(shared)?;
        let mut seen = 0;
        while seen < number {
            let at = self.next_instruction()?;
            let calls = self.enters_the_kernel(at)?;
            if !self.step()? {
                return Ok(false);
            }
            if deaths == Deaths::AtEachInstruction {
                seen += 1;
                continue;
            }
            self.read_legacy(shared, &mut now)?;
            if calls || now != before {
                seen += 1;
                std::mem::swap(&mut now, &mut before);
            }
        }
        Ok(true)
    }

    /// One instruction; whether the operation goes on.
    fn step(&self) -> io::Result<bool> {
        ptrace::step(self.pid, None)?;
        self.is_stopped_inside()
    }

    fn is_stopped_inside(&self) -> io::Result<bool> {
        match waitpid(self.pid, None)? {
            WaitStatus::Stopped(_, Signal::SIGTRAP) => Ok(true),
            WaitStatus::Stopped(_, Signal::SIGSTOP) => Ok(false),
            other => Err(io::Error::other(format!("the victim: {other:?}"))),
        }
    }

    /// What would outlive it now, twice.
    fn legacies(&self, shared: &[Shared]) -> io::Result<(Vec<u8>, Vec<u8>)> {
        let len = ROBUST_LIST + shared.iter().map(Shared::len).sum::<usize>();
        let mut bytes = vec![0; len];
        self.read_legacy(shared, &mut bytes)?;
        Ok((bytes.clone(), bytes))
    }

    #[cfg(target_arch = "x86_64")]
    fn next_instruction(&self) -> io::Result<u64> {
        Ok(ptrace::read_user(self.pid, std::ptr::without_provenance_mut(RIP))?.cast_unsigned())
    }

    #[cfg(not(target_arch = "x86_64"))]
    #[allow(clippy::unnecessary_wraps, reason = "as where it is known")]
    fn next_instruction(&self) -> io::Result<u64> {
        Ok(0)
    }

    /// Whether an instruction is a system call. Code does not change, so each is looked at once. Where this is not known, a sweep over
    /// calls alone has the deaths around them.
    fn enters_the_kernel(&mut self, at: u64) -> io::Result<bool> {
        if cfg!(not(target_arch = "x86_64")) {
            return Ok(false);
        }
        if let Some(calls) = self.calls.get(&at) {
            return Ok(*calls);
        }
        let mut instruction = [0; 2];
        self.private.read_exact_at(&mut instruction, at)?;
        let calls = instruction == [0x0F, 0x05];
        self.calls.insert(at, calls);
        Ok(calls)
    }

    /// What would outlive it: the objects, and the head of its list of robust mutexes.
    fn read_legacy(&self, shared: &[Shared], to: &mut [u8]) -> io::Result<()> {
        let (list, mut to) = to.split_at_mut(ROBUST_LIST);
        self.private.read_exact_at(list, self.head)?;
        for file in shared {
            let (now, rest) = to.split_at_mut(file.len());
            file.read(now)?;
            to = rest;
        }
        Ok(())
    }

    pub(super) fn kill(&mut self) {
        // It is no death of the operation's, but of ours: what it was is known.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The calling thread and its victim on one CPU, as long as this is there: they take turns, and to wake somebody on another CPU costs
/// twenty times what a step does.
struct Beside {
    before: CpuSet,
}

impl Beside {
    fn new(victim: Pid) -> io::Result<Self> {
        let before = sched_getaffinity(None)?;
        let mut here = CpuSet::new();
        here.set(sched_getcpu());
        sched_setaffinity(None, &here)?;
        let beside = Self { before };
        sched_setaffinity(rustix::process::Pid::from_raw(victim.as_raw()), &here)?;
        Ok(beside)
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // It was so before.
        let _ = sched_setaffinity(None, &self.before);
    }
}

/// Starts a process that sleeps in what it does; returns when it sleeps.
pub(super) fn sleeper(body: Box<dyn Fn() -> bool>) -> io::Result<Child<bool>> {
    let child = ForkProcess::new(body).start().map_err(io::Error::other)?;
    let path = format!("/proc/{}/syscall", child.pid());
    let begin = Instant::now();
    while !std::fs::read_to_string(&path)?.starts_with(&format!("{} ", libc::SYS_futex)) {
        if begin.elapsed() > WATCHDOG {
            let _ = child.kill();
            return Err(io::Error::other("the sleeper does not sleep"));
        }
        std::thread::yield_now();
    }
    Ok(child)
}
