//! The process that is stepped and killed, and those that sleep meanwhile.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Instant;

use core_process::shm::Segment;
use core_process::{Child, ForkProcess};
use nix::sys::ptrace;
use nix::sys::signal::{Signal, raise};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::robust_list;
use crate::scenes::WATCHDOG;

/// As much of an object as can change: the words, the main mutex, the first slots of the ledger.
const LOOKED_AT: usize = 1024;

/// The exit code of a victim that must not be traced.
const FORBIDDEN: i32 = 77;

/// Called by the victim: the operation begins, or has ended.
pub(crate) fn mark() {
    raise(Signal::SIGSTOP).unwrap();
}

pub(crate) struct Victim {
    child: Child<()>,
    pid: Pid,
    private: File,
    head: u64,
}

/// Whether to kill after each instruction, whatever it does.
pub(crate) fn kills_at_each() -> bool {
    std::env::var_os("SYNC_SWEEP_EVERY_INSTRUCTION").is_some()
}

/// Where a run ended.
pub(crate) enum Reached {
    /// At the change that was asked for.
    Change,
    /// The operation is through.
    End { instructions: u64 },
}

impl Victim {
    /// Starts a process that runs to its first mark.
    pub(crate) fn start(body: Box<dyn Fn()>) -> std::io::Result<Self> {
        let recipe = ForkProcess::new(move || {
            if ptrace::traceme().is_err() {
                core_process::exit_now(FORBIDDEN);
            }
            body();
        });
        let child = recipe.start().unwrap();
        let pid = Pid::from_raw(child.pid().cast_signed());
        match waitpid(pid, None)? {
            WaitStatus::Stopped(_, Signal::SIGSTOP) => {}
            WaitStatus::Exited(_, FORBIDDEN) => return Err(std::io::ErrorKind::PermissionDenied.into()),
            other => return Err(std::io::Error::other(format!("before it began: {other:?}"))),
        }
        Ok(Self {
            child,
            pid,
            private: File::open(format!("/proc/{pid}/mem"))?,
            head: robust_list::head(pid.as_raw())?,
        })
    }

    /// Steps until what would outlive the victim has changed so often, or it has entered the kernel, after its first instruction.
    pub(crate) fn run_to_change(&mut self, changes: u32, memory: &[Segment]) -> std::io::Result<Reached> {
        let mut before = self.legacy(memory)?;
        let (mut seen, mut instructions) = (0, 0);
        while seen < changes || instructions == 0 {
            let calls = self.enters_the_kernel()?;
            ptrace::step(self.pid, None)?;
            match waitpid(self.pid, None)? {
                WaitStatus::Stopped(_, Signal::SIGTRAP) => {}
                WaitStatus::Stopped(_, Signal::SIGSTOP) => return Ok(Reached::End { instructions }),
                other => return Err(std::io::Error::other(format!("the victim: {other:?}"))),
            }
            instructions += 1;
            if kills_at_each() {
                seen += 1;
                continue;
            }
            let now = self.legacy(memory)?;
            if calls || now != before {
                seen += 1;
                before = now;
            }
        }
        Ok(Reached::Change)
    }

    /// Whether its next instruction is a system call.
    #[cfg(target_arch = "x86_64")]
    fn enters_the_kernel(&self) -> std::io::Result<bool> {
        let mut instruction = [0; 2];
        let at = ptrace::getregs(self.pid)?.rip;
        self.private.read_exact_at(&mut instruction, at)?;
        Ok(instruction == [0x0F, 0x05])
    }

    /// Where this is not known, the other table alone has the deaths around calls.
    #[cfg(not(target_arch = "x86_64"))]
    #[allow(clippy::unnecessary_wraps, reason = "as where it is known")]
    fn enters_the_kernel(&self) -> std::io::Result<bool> {
        Ok(false)
    }

    /// What would outlive it: the objects, and the head of its list of robust mutexes.
    fn legacy(&self, memory: &[Segment]) -> std::io::Result<Vec<u8>> {
        let mut bytes = vec![0; 24];
        self.private.read_exact_at(&mut bytes, self.head)?;
        for segment in memory {
            bytes.extend(segment.read_bytes(0, segment.len().min(LOOKED_AT)));
        }
        Ok(bytes)
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        // It is no death of the operation's, but of ours: what it was is known.
        drop(self.child.wait());
    }
}

/// Starts a process that sleeps in what it does; returns when it sleeps.
pub(crate) fn sleeper(body: Box<dyn Fn() -> bool>) -> Child<bool> {
    let child = ForkProcess::new(body).start().unwrap();
    let path = format!("/proc/{}/syscall", child.pid());
    let begin = Instant::now();
    while !std::fs::read_to_string(&path)
        .unwrap()
        .starts_with(&format!("{} ", libc::SYS_futex))
    {
        assert!(begin.elapsed() < WATCHDOG, "the sleeper does not sleep");
        std::thread::yield_now();
    }
    child
}
