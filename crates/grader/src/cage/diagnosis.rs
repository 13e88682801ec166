//! What each process of a hanging run does, and who waits for whom: plain values.
//!
//! Made by `diagnose` from `/proc`; the grader's lines for people are made from this.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use core_process::Signal;

/// The state of a run that hangs, just before it was ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// For how long nothing had happened.
    pub quiet: Duration,
    /// Every living process, the main process first.
    pub processes: Vec<Stuck>,
    /// Processes that wait for each other in a ring (each for the next, the last for the first), one alone if it waits
    /// for itself. Empty if there is no ring among them, or none is known.
    pub cycle: Vec<i32>,
}

/// A living process of a hanging run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stuck {
    /// Its id.
    pub pid: i32,
    /// Its parent now.
    pub ppid: i32,
    /// Its name.
    pub name: String,
    /// Its state: the letter of `/proc/PID/stat`; `T` if it is stopped by a signal, also when traced.
    pub state: char,
    /// The signal that stopped it.
    pub stopped: Option<Signal>,
    /// Processor time that it used since its birth.
    pub cpu: Duration,
    /// Its threads, the main thread first.
    pub threads: Vec<StuckThread>,
    /// Its open pipes, sockets, pidfds, event descriptors and shared memory.
    pub ends: Vec<End>,
    /// Processes of the run that could make it go on, as far as is known; any one of them is enough.
    pub waits_for: Vec<i32>,
}

/// A thread of a hanging process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StuckThread {
    /// Its id.
    pub tid: i32,
    /// Its name.
    pub name: String,
    /// Its state, as for a process.
    pub state: char,
    /// The kernel function that it sleeps in, where the kernel tells.
    pub wchan: Option<String>,
    /// The system call that it is in. `None`: it runs, or the kernel does not tell.
    pub call: Option<Call>,
    /// What it waits for.
    pub waits: Waits,
}

/// A system call in progress.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Its number.
    pub number: i64,
    /// Its name.
    pub name: String,
    /// Its arguments.
    pub args: [u64; 6],
}

/// What a thread waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Waits {
    /// It does not wait: it runs, or wants to.
    Not,
    /// One of these.
    For {
        /// Any one of them is enough.
        objects: Vec<Object>,
        /// It also goes on by itself after some time.
        timed: bool,
    },
    /// It sleeps for a time.
    Time,
    /// It is stopped by a signal until somebody continues it.
    Stopped,
    /// It sleeps, and the object could not be found out.
    Unknown,
}

/// Something that can be waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Object {
    /// The end of a process.
    End {
        /// Which.
        pid: i32,
    },
    /// The end of any child.
    AnyChild {
        /// The living children.
        children: Vec<i32>,
    },
    /// Bytes in a pipe.
    PipeData {
        /// The descriptor that is read.
        fd: i32,
        /// The pipe's inode.
        inode: u64,
        /// Who holds writing ends; the waiting process itself may be among them.
        writers: Vec<Holder>,
    },
    /// Room in a pipe.
    PipeRoom {
        /// The descriptor that is written.
        fd: i32,
        /// The pipe's inode.
        inode: u64,
        /// Who holds reading ends.
        readers: Vec<Holder>,
    },
    /// A socket: data, room, or a connection.
    Socket {
        /// The descriptor.
        fd: i32,
        /// Its inode.
        inode: u64,
        /// Who holds the other end, where that is a Unix socket of this run.
        peers: Vec<Holder>,
    },
    /// An eventfd.
    Event {
        /// The descriptor.
        fd: i32,
        /// Its id in the kernel, if it tells.
        id: Option<u64>,
        /// Who else holds it.
        holders: Vec<Holder>,
    },
    /// A word in memory.
    Futex {
        /// Its address in the waiting process.
        address: u64,
        /// The value there.
        value: Option<u32>,
        /// The shared file (or memory) that the word is in, with its offset there; `None` for private memory.
        shared: Option<String>,
        /// The thread that the word, or the mutex around it, names as the owner.
        owner: Option<i32>,
        /// Other threads of the run that wait for the same word.
        also: Vec<i32>,
    },
    /// A lock on a file.
    FileLock {
        /// The file.
        file: String,
        /// Who holds the lock.
        holders: Vec<i32>,
    },
    /// Any other descriptor.
    Descriptor {
        /// Its number.
        fd: i32,
        /// What the kernel calls it.
        target: String,
    },
}

/// An end of an object in the hands of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process.
    pub pid: i32,
    /// Its descriptor.
    pub fd: i32,
}

/// An open end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The descriptor.
    pub fd: i32,
    /// What the kernel calls it, for example `pipe:[77]`.
    pub target: String,
    /// For a pipe: which end.
    pub end: Option<PipeEnd>,
}

/// An end of a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PipeEnd {
    /// It is read.
    Reading,
    /// It is written.
    Writing,
}
