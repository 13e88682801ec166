//! What a sleeping thread waits for, from the system call that it is in.
//!
//! Reads `/proc`; the thread must stay asleep meanwhile, or the answer is a wrong one of a moment, which a hang excludes.

use super::diagnosis::{Call, Holder, Object, PipeEnd, Waits};
use super::procfs::{self, Mapping};
use super::syscalls;

/// What the living processes of the run have open, and whose threads they are.
pub(crate) struct Surroundings {
    pub(crate) processes: Vec<Around>,
    pub(crate) locks: Vec<procfs::LockLine>,
}

/// One process of the surroundings.
pub(crate) struct Around {
    pub(crate) pid: i32,
    pub(crate) ppid: i32,
    pub(crate) threads: Vec<i32>,
    pub(crate) open: Vec<procfs::Open>,
    pub(crate) maps: Vec<Mapping>,
}

/// The system call that a thread is in.
pub(crate) fn call(pid: i32, tid: i32) -> Option<Call> {
    let line = std::fs::read_to_string(format!("/proc/{pid}/task/{tid}/syscall")).ok()?;
    let mut words = line.split_ascii_whitespace();
    let number: i64 = words.next()?.parse().ok().filter(|number| *number >= 0)?;
    let mut args = [0; 6];
    for arg in &mut args {
        *arg = u64::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok()?;
    }
    Some(Call {
        number,
        name: syscalls::name(number),
        args,
    })
}

impl Surroundings {
    /// What the thread waits for in this call.
    pub(crate) fn waits(&self, me: &Around, tid: i32, call: &Call) -> Waits {
        let a = &call.args;
        let fd = a[0] as i32;
        let one = |object: Object| Waits::For {
            objects: vec![object],
            timed: false,
        };
        match call.name.as_str() {
            "wait4" => one(self.child(me, a[0] as i32)),
            "waitid" => match a[0] as libc::idtype_t {
                libc::P_PID => one(Object::End { pid: a[1] as i32 }),
                libc::P_PIDFD => one(self.behind(me, a[1] as i32, PipeEnd::Reading)),
                _ => one(self.child(me, -1)),
            },
            "read" | "readv" | "preadv" | "preadv2" | "recvfrom" | "recvmsg" | "recvmmsg" | "accept"
            | "accept4" => one(self.behind(me, fd, PipeEnd::Reading)),
            "write" | "writev" | "sendto" | "sendmsg" | "sendmmsg" | "connect" => {
                one(self.behind(me, fd, PipeEnd::Writing))
            }
            "splice" | "tee" => one(self.behind(me, fd, PipeEnd::Reading)),
            "poll" => self.polled(me, a[0], a[1], (a[2] as i32) >= 0),
            "ppoll" => self.polled(me, a[0], a[1], a[2] != 0),
            "select" | "pselect6" => self.selected(me, a),
            "epoll_wait" | "epoll_pwait" => self.epolled(me, fd, (a[3] as i32) >= 0),
            "epoll_pwait2" => self.epolled(me, fd, a[3] != 0),
            "futex" => match a[1] & 0x7f {
                0 | 6 | 9 | 13 => Waits::For {
                    objects: vec![self.futex(me, a[0])],
                    timed: a[3] != 0,
                },
                _ => Waits::Unknown,
            },
            "futex_waitv" => self.futexes(me, a),
            "flock" => self.lock(me, tid, fd),
            "fcntl" if matches!(a[1], 7 | 38) => self.lock(me, tid, fd),
            "nanosleep" | "clock_nanosleep" => Waits::Time,
            _ => Waits::Unknown,
        }
    }

    fn child(&self, me: &Around, pid: i32) -> Object {
        if pid > 0 {
            return Object::End { pid };
        }
        let children = self
            .processes
            .iter()
            .filter(|process| process.ppid == me.pid)
            .map(|process| process.pid);
        Object::AnyChild {
            children: children.collect(),
        }
    }

    /// What is behind a descriptor.
    fn behind(&self, me: &Around, fd: i32, end: PipeEnd) -> Object {
        let target = me
            .open
            .iter()
            .find(|open| open.fd == fd)
            .map(|open| open.target.clone());
        let target = target.unwrap_or_else(|| "not open".to_owned());
        let info = procfs::fdinfo(me.pid, fd).unwrap_or_default();
        if let Some(inode) = number_in(&target, "pipe:[") {
            return match end {
                PipeEnd::Reading => Object::PipeData {
                    fd,
                    inode,
                    writers: self.ends(&target, PipeEnd::Writing),
                },
                PipeEnd::Writing => Object::PipeRoom {
                    fd,
                    inode,
                    readers: self.ends(&target, PipeEnd::Reading),
                },
            };
        }
        if let Some(inode) = number_in(&target, "socket:[") {
            return Object::Socket {
                fd,
                inode,
                peers: self.peers(inode),
            };
        }
        if let Some(pid) = procfs::field(&info, "Pid").and_then(|pid| pid.parse().ok()) {
            return Object::End { pid };
        }
        if let Some(id) = procfs::field(&info, "eventfd-id").and_then(|id| id.parse::<u64>().ok()) {
            return Object::Event {
                fd,
                id: Some(id),
                holders: self.events(me, fd, id),
            };
        }
        if target == "anon_inode:[eventfd]" {
            return Object::Event {
                fd,
                id: None,
                holders: Vec::new(),
            };
        }
        Object::Descriptor { fd, target }
    }

    /// Everybody who holds that end of a pipe.
    fn ends(&self, target: &str, end: PipeEnd) -> Vec<Holder> {
        self.holders(|open| open.target == target)
            .filter(|holder| pipe_end(holder.pid, holder.fd).is_none_or(|held| held == end))
            .collect()
    }

    fn events(&self, me: &Around, fd: i32, id: u64) -> Vec<Holder> {
        self.holders(|open| open.target == "anon_inode:[eventfd]")
            .filter(|holder| (holder.pid, holder.fd) != (me.pid, fd))
            .filter(|holder| {
                let info = procfs::fdinfo(holder.pid, holder.fd).unwrap_or_default();
                procfs::field(&info, "eventfd-id") == Some(&id.to_string())
            })
            .collect()
    }

    fn peers(&self, inode: u64) -> Vec<Holder> {
        let Some(peer) = super::sockets::peer_of(inode) else {
            return Vec::new();
        };
        let target = format!("socket:[{peer}]");
        self.holders(|open| open.target == target).collect()
    }

    fn holders<'a>(
        &'a self,
        is_it: impl Fn(&procfs::Open) -> bool + 'a,
    ) -> impl Iterator<Item = Holder> + 'a {
        self.processes.iter().flat_map(move |process| {
            let held: Vec<Holder> = process
                .open
                .iter()
                .filter(|open| is_it(open))
                .map(|open| Holder {
                    pid: process.pid,
                    fd: open.fd,
                })
                .collect();
            held
        })
    }

    fn polled(&self, me: &Around, address: u64, count: u64, timed: bool) -> Waits {
        const ENTRY: usize = 8;
        if count == 0 {
            return if timed { Waits::Time } else { Waits::Unknown };
        }
        let Some(bytes) = procfs::memory(me.pid, address, (count.min(1024) as usize) * ENTRY) else {
            return Waits::Unknown;
        };
        let entries = bytes.chunks_exact(ENTRY).filter_map(|entry| {
            let fd = i32::from_ne_bytes(entry[..4].try_into().ok()?);
            let events = i16::from_ne_bytes(entry[4..6].try_into().ok()?);
            Some((fd, events))
        });
        let objects = entries.filter(|(fd, _)| *fd >= 0).map(|(fd, events)| {
            let end = if events & libc::POLLIN != 0 {
                PipeEnd::Reading
            } else {
                PipeEnd::Writing
            };
            self.behind(me, fd, end)
        });
        Waits::For {
            objects: objects.collect(),
            timed,
        }
    }

    fn selected(&self, me: &Around, a: &[u64; 6]) -> Waits {
        let count = (a[0] as usize).min(1024);
        let mut objects = Vec::new();
        for (address, end) in [(a[1], PipeEnd::Reading), (a[2], PipeEnd::Writing)] {
            let Some(set) = procfs::memory(me.pid, address, count.div_ceil(8)) else {
                continue;
            };
            let is_in = |fd: &usize| set.get(fd / 8).is_some_and(|byte| byte & (1 << (fd % 8)) != 0);
            objects.extend((0..count).filter(is_in).map(|fd| self.behind(me, fd as i32, end)));
        }
        match (objects.is_empty(), a[4] != 0) {
            (true, true) => Waits::Time,
            (true, false) => Waits::Unknown,
            (false, timed) => Waits::For { objects, timed },
        }
    }

    fn epolled(&self, me: &Around, fd: i32, timed: bool) -> Waits {
        let info = procfs::fdinfo(me.pid, fd).unwrap_or_default();
        let watched = info.lines().filter_map(|line| {
            let mut words = line.strip_prefix("tfd:")?.split_ascii_whitespace();
            let fd: i32 = words.next()?.parse().ok()?;
            let events = u32::from_str_radix(words.nth(1)?, 16).ok()?;
            Some((fd, events))
        });
        let objects = watched.map(|(fd, events)| {
            let end = if events & libc::EPOLLIN as u32 != 0 {
                PipeEnd::Reading
            } else {
                PipeEnd::Writing
            };
            self.behind(me, fd, end)
        });
        Waits::For {
            objects: objects.collect(),
            timed,
        }
    }

    fn futexes(&self, me: &Around, a: &[u64; 6]) -> Waits {
        const ENTRY: usize = 24;
        let Some(bytes) = procfs::memory(me.pid, a[0], (a[1].min(128) as usize) * ENTRY) else {
            return Waits::Unknown;
        };
        let words = bytes
            .chunks_exact(ENTRY)
            .filter_map(|entry| entry[8..16].try_into().ok());
        let objects = words.map(|word| self.futex(me, u64::from_ne_bytes(word)));
        Waits::For {
            objects: objects.collect(),
            timed: a[3] != 0,
        }
    }

    fn futex(&self, me: &Around, address: u64) -> Object {
        let word = |address| {
            let bytes = procfs::memory(me.pid, address, 4)?;
            Some(u32::from_ne_bytes(bytes.try_into().ok()?))
        };
        let value = word(address);
        let shared = self.place(me, address);
        // A robust or priority-inheriting mutex has its owner's tid in the word; glibc's other mutexes two words later.
        let owner = |value: u32| {
            let tid = (value & libc::FUTEX_TID_MASK) as i32;
            self.processes
                .iter()
                .any(|process| process.threads.contains(&tid))
                .then_some(tid)
        };
        let owner = value
            .and_then(owner)
            .or_else(|| word(address + 8).and_then(owner));
        Object::Futex {
            address,
            value,
            shared,
            owner,
            also: Vec::new(),
        }
    }

    /// The shared file and offset of an address; `None` for private memory.
    fn place(&self, me: &Around, address: u64) -> Option<String> {
        let mapping = me
            .maps
            .iter()
            .find(|mapping| mapping.range.contains(&address) && mapping.is_shared)?;
        let offset = address - mapping.range.start + mapping.offset;
        let file = mapping.file.strip_suffix(" (deleted)").unwrap_or(&mapping.file);
        Some(format!("{file}+{offset:#x}"))
    }

    fn lock(&self, me: &Around, tid: i32, fd: i32) -> Waits {
        let open = me.open.iter().find(|open| open.fd == fd);
        let file = open.map_or_else(|| format!("descriptor {fd}"), |open| open.target.clone());
        let waiting = self
            .locks
            .iter()
            .find(|line| line.is_waiting && (line.pid == me.pid || line.pid == tid));
        let holders = self
            .locks
            .iter()
            .filter(|line| !line.is_waiting && waiting.is_some_and(|waiting| waiting.id == line.id))
            .flat_map(|line| self.lock_holders(line, &file))
            .collect();
        Waits::For {
            objects: vec![Object::FileLock { file, holders }],
            timed: false,
        }
    }

    /// Who holds a lock: the process that took it, and for a lock of an open file all that have it open.
    fn lock_holders(&self, line: &procfs::LockLine, file: &str) -> Vec<i32> {
        if line.pid > 0 && self.processes.iter().any(|process| process.pid == line.pid) {
            return vec![line.pid];
        }
        let has_it = |process: &&Around| process.open.iter().any(|open| open.target == file);
        self.processes
            .iter()
            .filter(has_it)
            .map(|process| process.pid)
            .collect()
    }

    /// Processes that could make a thread of `me` go on that waits for this object.
    pub(crate) fn helpers(&self, me: &Around, object: &Object) -> Vec<i32> {
        let pids = |holders: &[Holder]| holders.iter().map(|holder| holder.pid).collect::<Vec<i32>>();
        match object {
            Object::End { pid } => vec![*pid],
            Object::AnyChild { children } => children.clone(),
            Object::PipeData { writers: holders, .. }
            | Object::PipeRoom { readers: holders, .. }
            | Object::Socket { peers: holders, .. }
            | Object::Event { holders, .. } => pids(holders),
            Object::Futex { owner: Some(tid), .. } => {
                let owner = self
                    .processes
                    .iter()
                    .find(|process| process.threads.contains(tid));
                owner.map(|process| process.pid).into_iter().collect()
            }
            Object::Futex {
                address, owner: None, ..
            } => self.sharers(me, *address),
            Object::FileLock { holders, .. } => holders.clone(),
            Object::Descriptor { .. } => Vec::new(),
        }
    }

    /// Others that have the shared memory of this address mapped.
    fn sharers(&self, me: &Around, address: u64) -> Vec<i32> {
        let Some(mapping) = me
            .maps
            .iter()
            .find(|map| map.range.contains(&address) && map.is_shared)
        else {
            return Vec::new();
        };
        let has_it = |process: &&Around| {
            process.pid != me.pid
                && process
                    .maps
                    .iter()
                    .any(|map| map.is_shared && map.inode == mapping.inode)
        };
        self.processes
            .iter()
            .filter(has_it)
            .map(|process| process.pid)
            .collect()
    }
}

/// Which end of a pipe a descriptor is; `None` if it is both, or not known.
pub(crate) fn pipe_end(pid: i32, fd: i32) -> Option<PipeEnd> {
    let info = procfs::fdinfo(pid, fd)?;
    let flags = i32::from_str_radix(procfs::field(&info, "flags")?, 8).ok()?;
    match flags & libc::O_ACCMODE {
        libc::O_RDONLY => Some(PipeEnd::Reading),
        libc::O_WRONLY => Some(PipeEnd::Writing),
        _ => None,
    }
}

/// The same for what may be no pipe at all.
pub(crate) fn pipe_end_of(pid: i32, open: &procfs::Open) -> Option<PipeEnd> {
    open.target
        .starts_with("pipe:")
        .then(|| pipe_end(pid, open.fd))
        .flatten()
}

fn number_in(target: &str, prefix: &str) -> Option<u64> {
    target.strip_prefix(prefix)?.strip_suffix(']')?.parse().ok()
}
