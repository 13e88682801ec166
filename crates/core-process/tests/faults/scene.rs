//! What scenarios are made of: the methods, programs, gates, limits, and chance.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Command;

use core_process::{Fd, StartMethod};
use rustix::process::{Pid, PidfdFlags, Resource, Rlimit, getrlimit, pidfd_open, setrlimit};

/// All three; what runs by them is started from a process of one thread.
pub(crate) const METHODS: [StartMethod; 3] = [StartMethod::Spawn, StartMethod::ForkServer, StartMethod::Fork];

/// Those that a process of many threads may use.
pub(crate) const THREADED: [StartMethod; 2] = [StartMethod::Spawn, StartMethod::ForkServer];

/// This program in another role.
pub(crate) fn program(name: &str) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.args(["--program", name]);
    command
}

/// A pipe whose reader waits for one byte. Each byte lets one process through.
pub(crate) struct Gate {
    pub(crate) enter: Fd<File>,
    open: File,
}

impl Gate {
    pub(crate) fn new() -> Self {
        let (enter, open) = pipe();
        Self {
            enter: Fd::from(enter),
            open,
        }
    }

    /// A descriptor of the waiting end, for a child.
    pub(crate) fn entry(&self) -> Fd<File> {
        Fd::from(self.enter.try_clone().unwrap())
    }

    pub(crate) fn let_through(&mut self, count: usize) {
        self.open.write_all(&vec![1; count]).unwrap();
    }
}

/// Waits at a gate, in a child.
pub(crate) fn pass(gate: &mut Fd<File>) {
    gate.read_exact(&mut [0]).unwrap();
}

/// Reader and writer.
pub(crate) fn pipe() -> (File, File) {
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
    (File::from(reader), File::from(writer))
}

/// Never returns; a target that waits to be ended.
pub(crate) fn forever() {
    loop {
        std::thread::park();
    }
}

pub(crate) fn open_process(pid: u32) -> OwnedFd {
    pidfd_open(Pid::from_raw(pid as i32).unwrap(), PidfdFlags::empty()).unwrap()
}

/// Sets the soft limit; its old value.
pub(crate) fn limit(resource: Resource, soft: Option<u64>) -> Option<u64> {
    let before = getrlimit(resource);
    setrlimit(
        resource,
        Rlimit {
            current: soft,
            maximum: before.maximum,
        },
    )
    .unwrap();
    before.current
}

/// Numbers that look random: xorshift, the same in each run.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed * 2 + 1)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    /// Lets a random, short time pass, to hit another moment each round. Nothing is synchronised by it.
    pub(crate) fn dawdle(&mut self, most: u64) {
        for _ in 0..self.below(most) {
            std::hint::spin_loop();
        }
    }
}

/// Opens files until no number up to the highest in use is free: the next descriptor is above all others.
pub(crate) fn fill_the_table() -> (u64, Vec<File>) {
    let highest = *crate::account::descriptors(std::process::id())
        .keys()
        .last()
        .unwrap();
    let mut files = Vec::new();
    loop {
        let file = File::open("/dev/null").unwrap();
        if file.as_raw_fd() > highest {
            return (highest as u64, files);
        }
        files.push(file);
    }
}
