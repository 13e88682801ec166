//! What `/proc` says about processes, descriptors and locks.
//!
//! Every question may find that the process is gone: the answer is then `None` or empty, never an error. Nothing here
//! caches.

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};

/// The line of `/proc/PID/stat`, as far as the cage reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) pid: i32,
    pub(crate) name: String,
    pub(crate) state: char,
    pub(crate) ppid: i32,
    pub(crate) group: i32,
    threads: u64,
    pub(crate) session: i32,
    /// Processor time in clock ticks, user and system together.
    pub(crate) cpu: u64,
    /// Clock ticks from boot to birth: with the pid, the identity of a process.
    pub(crate) start: u64,
    /// The wait status of a zombie.
    pub(crate) exit: Option<i32>,
}

/// Whose thread a tid is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) tgid: i32,
    pub(crate) ppid: i32,
}

/// An open descriptor of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) fd: i32,
    /// What the link shows: a path, `pipe:[123]`, `socket:[123]`, `anon_inode:[pidfd]`.
    pub(crate) target: String,
}

impl Stat {
    /// The process has ended. (If its main thread alone has, it shows as a zombie too, for a moment even while another
    /// of its threads calls exec.)
    pub(crate) fn is_dead(&self) -> bool {
        matches!(self.state, 'Z' | 'X') && self.threads <= 1
    }
}

pub(crate) fn stat(pid: i32) -> Option<Stat> {
    parse_stat(&short(&format!("/proc/{pid}/stat"))?)
}

pub(crate) fn task_stat(pid: i32, tid: i32) -> Option<Stat> {
    parse_stat(&short(&format!("/proc/{pid}/task/{tid}/stat"))?)
}

fn parse_stat(line: &str) -> Option<Stat> {
    // A name may hold spaces and brackets, so it ends at the last bracket.
    let (head, tail) = line.rsplit_once(')')?;
    let (pid, name) = head.split_once(" (")?;
    let field: Vec<&str> = tail.split_ascii_whitespace().collect();
    let number = |index: usize| field.get(index)?.parse::<u64>().ok();
    Some(Stat {
        pid: pid.parse().ok()?,
        name: name.to_owned(),
        state: field.first()?.chars().next()?,
        ppid: field.get(1)?.parse().ok()?,
        group: field.get(2)?.parse().ok()?,
        threads: number(17)?,
        session: field.get(3)?.parse().ok()?,
        cpu: number(11)? + number(12)?,
        start: number(19)?,
        exit: field.get(49).and_then(|word| word.parse().ok()),
    })
}

/// The value of a line `Key:\tvalue` of a status or fdinfo file.
pub(crate) fn field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))
        .map(str::trim)
}

pub(crate) fn identity(tid: i32) -> Option<Identity> {
    let text = short(&format!("/proc/{tid}/status"))?;
    Some(Identity {
        tgid: field(&text, "Tgid")?.parse().ok()?,
        ppid: field(&text, "PPid")?.parse().ok()?,
    })
}

/// SIGKILL has been sent to the process and has not been acted upon.
pub(crate) fn is_being_killed(pid: i32) -> bool {
    let Some(text) = short(&format!("/proc/{pid}/status")) else {
        return true;
    };
    ["SigPnd", "ShdPnd"].iter().any(|key| {
        field(&text, key)
            .and_then(|mask| u64::from_str_radix(mask, 16).ok())
            .is_some_and(|mask| mask & (1 << 8) != 0)
    })
}

/// All living or dead-but-not-reaped descendants of `root`, parents before children.
pub(crate) fn descendants(root: i32) -> Vec<Stat> {
    let mut children: HashMap<i32, Vec<Stat>> = HashMap::new();
    for stat in numbers("/proc").into_iter().filter_map(stat) {
        children.entry(stat.ppid).or_default().push(stat);
    }
    let mut found = children.remove(&root).unwrap_or_default();
    let mut next = 0;
    while next < found.len() {
        let more = children.remove(&found[next].pid).unwrap_or_default();
        found.extend(more);
        next += 1;
    }
    found
}

/// The command line, or the name in brackets when that is empty.
pub(crate) fn command(pid: i32) -> Option<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim_end_matches('\0').replace('\0', " ");
    if text.is_empty() {
        stat(pid).map(|stat| format!("[{}]", stat.name))
    } else {
        Some(text)
    }
}

/// Threads that a user has now.
pub(crate) fn threads_of_user(user: u32) -> u64 {
    let own = |pid: &i32| fs::metadata(format!("/proc/{pid}")).is_ok_and(|data| data.uid() == user);
    numbers("/proc")
        .iter()
        .filter(|pid| own(pid))
        .map(|pid| threads(*pid).len() as u64)
        .sum()
}

/// Bytes of the process's memory.
pub(crate) fn memory(pid: i32, address: u64, len: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; len];
    fs::File::open(format!("/proc/{pid}/mem"))
        .ok()?
        .read_exact_at(&mut bytes, address)
        .ok()?;
    Some(bytes)
}

/// Whether the process still exists, dead but not waited for included.
pub(crate) fn exists(pid: i32, start: u64) -> bool {
    stat(pid).is_some_and(|stat| stat.start == start)
}

/// What the last exec of the process put on its stack: another value means another exec.
pub(crate) fn image(pid: i32) -> Option<Vec<u8>> {
    fs::read(format!("/proc/{pid}/auxv"))
        .ok()
        .filter(|bytes| !bytes.is_empty())
}

pub(crate) fn name(pid: i32) -> Option<String> {
    Some(short(&format!("/proc/{pid}/comm"))?.trim_end().to_owned())
}

pub(crate) fn threads(pid: i32) -> Vec<i32> {
    numbers(&format!("/proc/{pid}/task"))
}

/// How often a thread has given its processor away or lost it.
pub(crate) fn switches(pid: i32, tid: i32) -> Option<u64> {
    let text = short(&format!("/proc/{pid}/task/{tid}/status"))?;
    let count = |key| field(&text, key)?.parse::<u64>().ok();
    Some(count("voluntary_ctxt_switches")? + count("nonvoluntary_ctxt_switches")?)
}

pub(crate) fn descriptors(pid: i32) -> Vec<Open> {
    let folder = format!("/proc/{pid}/fd");
    let mut open: Vec<Open> = numbers(&folder)
        .into_iter()
        .filter_map(|fd| {
            let target = fs::read_link(format!("{folder}/{fd}")).ok()?;
            Some(Open {
                fd,
                target: target.to_string_lossy().into_owned(),
            })
        })
        .collect();
    open.sort_by_key(|open| open.fd);
    open
}

pub(crate) fn fdinfo(pid: i32, fd: i32) -> Option<String> {
    fs::read_to_string(format!("/proc/{pid}/fdinfo/{fd}")).ok()
}

/// A range of a process's memory that has a file behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) range: Range<u64>,
    pub(crate) is_shared: bool,
    pub(crate) offset: u64,
    pub(crate) inode: u64,
    pub(crate) file: String,
}

/// The mappings of files, memfds and shared memory.
pub(crate) fn maps(pid: i32) -> Vec<Mapping> {
    let text = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    text.lines().filter_map(parse_mapping).collect()
}

fn parse_mapping(line: &str) -> Option<Mapping> {
    let (numbers, file) = line.split_once('/')?;
    let mut words = numbers.split_ascii_whitespace();
    let hex = |word: &str| u64::from_str_radix(word, 16).ok();
    let (start, end) = words.next()?.split_once('-')?;
    let range = hex(start)?..hex(end)?;
    let is_shared = words.next()?.ends_with('s');
    let offset = hex(words.next()?)?;
    let inode = words.nth(1)?.parse().ok()?;
    Some(Mapping {
        range,
        is_shared,
        offset,
        inode,
        file: format!("/{file}"),
    })
}

/// A line of `/proc/locks`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LockLine {
    /// Lines of the same lock share it.
    pub(crate) id: u64,
    /// It waits for the lock; otherwise it holds it.
    pub(crate) is_waiting: bool,
    /// The process; -1 for a lock of an open file.
    pub(crate) pid: i32,
}

/// All locks on files.
pub(crate) fn locks() -> Vec<LockLine> {
    fs::read_to_string("/proc/locks")
        .unwrap_or_default()
        .lines()
        .filter_map(parse_lock)
        .collect()
}

fn parse_lock(line: &str) -> Option<LockLine> {
    let (id, rest) = line.split_once(':')?;
    let (is_waiting, rest) = match rest.trim_start().strip_prefix("->") {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let pid = rest.split_ascii_whitespace().nth(3)?.parse().ok()?;
    Some(LockLine {
        id: id.trim().parse().ok()?,
        is_waiting,
        pid,
    })
}

/// The kernel function that a thread sleeps in, where the kernel tells.
pub(crate) fn wchan(pid: i32, tid: i32) -> Option<String> {
    let name = fs::read_to_string(format!("/proc/{pid}/task/{tid}/wchan")).ok()?;
    (!name.is_empty() && name != "0").then_some(name)
}

/// Bytes that are resident: quick, but a page shared by two processes counts in both.
pub(crate) fn resident(pid: i32) -> u64 {
    let text = short(&format!("/proc/{pid}/statm")).unwrap_or_default();
    text.split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok())
        .unwrap_or(0)
        * page_size()
}

/// Bytes that are resident, a page shared by n processes counted 1/n in each: exact in sum, but slow.
pub(crate) fn proportional(pid: i32) -> u64 {
    let Ok(text) = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) else {
        return 0;
    };
    field(&text, "Pss")
        .and_then(|value| value.split(' ').next()?.parse::<u64>().ok())
        .unwrap_or(0)
        << 10
}

/// Nanoseconds that the process's main thread waited for a processor while it could have run.
pub(crate) fn waited_for_cpu(pid: i32) -> Option<u64> {
    short(&format!("/proc/{pid}/schedstat"))?
        .split_ascii_whitespace()
        .nth(1)?
        .parse()
        .ok()
}

/// Clock ticks that all processors together have spent busy and idle since boot.
pub(crate) fn machine_time() -> Option<(u64, u64)> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let ticks: Vec<u64> = text
        .lines()
        .next()?
        .split_ascii_whitespace()
        .skip(1)
        .filter_map(|word| word.parse().ok())
        .collect();
    let idle = ticks.get(3)? + ticks.get(4)?;
    // The guest times (fields 9 and 10) are part of the user times already.
    Some((ticks.iter().take(8).sum::<u64>() - idle, idle))
}

/// A file of one short text, by one read: a buffer that grows costs four more calls, and a scan reads hundreds.
fn short(path: &str) -> Option<String> {
    let mut buffer = [0; 4096];
    let len = fs::File::open(path).ok()?.read(&mut buffer).ok()?;
    String::from_utf8(buffer[..len].to_vec()).ok()
}

fn page_size() -> u64 {
    rustix::param::page_size() as u64
}

fn numbers(folder: &str) -> Vec<i32> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{descendants, field, identity, parse_lock, parse_mapping, parse_stat, stat};

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
        let line = "42 (a) (b c) S 7 42 41 0 -1 4194304 1 2 3 4 50 60 0 0 20 0 1 0 9999 1 1 1";
        let stat = parse_stat(line).expect("a well-formed line");
        assert_eq!(
            (stat.pid, stat.name.as_str(), stat.state, stat.ppid, stat.session),
            (42, "a) (b c", 'S', 7, 41)
        );
        assert_eq!((stat.cpu, stat.start), (110, 9999));
    }

    #[test]
    fn locks_and_mappings_are_read() {
        let held = parse_lock("1: FLOCK  ADVISORY  WRITE 712 fd:00:12 0 EOF").unwrap();
        let waits = parse_lock("1: -> FLOCK  ADVISORY  WRITE 713 fd:00:12 0 EOF").unwrap();
        assert_eq!((held.id, held.is_waiting, held.pid), (1, false, 712));
        assert_eq!((waits.id, waits.is_waiting, waits.pid), (1, true, 713));
        let line = "7f00-7f80 rw-s 00001000 00:01 77                  /memfd:journal (deleted)";
        let mapping = parse_mapping(line).unwrap();
        assert_eq!(
            (mapping.range, mapping.is_shared, mapping.offset, mapping.inode),
            (0x7f00..0x7f80, true, 0x1000, 77)
        );
        assert!(parse_mapping("7f00-7f80 rw-p 00000000 00:00 0 [heap]").is_none());
    }

    #[test]
    fn this_process_is_found() {
        let pid = std::process::id() as i32;
        let own = stat(pid).expect("the test runs");
        assert_eq!(own.pid, pid);
        assert_eq!(identity(pid).map(|identity| identity.ppid), Some(own.ppid));
        assert!(descendants(own.ppid).iter().any(|found| found.pid == pid));
        assert!(stat(-1).is_none());
    }

    #[test]
    fn a_key_is_matched_whole() {
        assert_eq!(field("PPid:\t3\nPid:\t4\n", "Pid"), Some("4"));
    }
}
