//! What this machine has: toolchain, kernel, permissions, cores, limits.
//!
//! Invariant: each thing is tried, not read off a version where trying is possible, and nothing is left behind by the try.
//! It does not know how the grader uses what it finds.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use nix::sys::resource::{Resource, getrlimit};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::process::{Pid, PidfdFlags, getpid, pidfd_open};

/// The oldest kernel on which every call that the library makes is there (`close_range`).
const KERNEL: (u32, u32) = (5, 9);
/// Fewer open files than this are used up by lessons with many children.
const OPEN_FILES: u64 = 1024;
/// Fewer processes than this are used up by a budget of 64 and what else runs.
const PROCESSES: u64 = 256;

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// As it should be.
    Fine,
    /// The course does with less.
    Note,
    /// The course cannot do without it.
    Lacking,
}

impl Level {
    /// As it stands in JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Level::Fine => "ok",
            Level::Note => "note",
            Level::Lacking => "lacking",
        }
    }
}

/// A thing that was looked at.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    /// The thing.
    pub(crate) what: &'static str,
    /// How it is.
    pub(crate) level: Level,
    /// What was seen.
    pub(crate) observed: String,
    /// What to do, when it is not as it should be.
    pub(crate) advice: Option<String>,
}

/// Looks at everything.
pub(crate) fn examine(root: &Path) -> Vec<Finding> {
    vec![
        toolchain(root),
        linker(),
        kernel(),
        pidfd(),
        memfd(),
        tracing(),
        user_namespaces(),
        cores(),
        open_files(),
        processes(),
        memory(),
        shared_memory(),
        git(),
    ]
}

fn fine(what: &'static str, observed: impl Into<String>) -> Finding {
    Finding {
        what,
        level: Level::Fine,
        observed: observed.into(),
        advice: None,
    }
}

fn worse(what: &'static str, level: Level, observed: impl Into<String>, advice: &str) -> Finding {
    Finding {
        what,
        level,
        observed: observed.into(),
        advice: Some(advice.to_owned()),
    }
}

fn version_of(program: &str) -> Option<String> {
    let output = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output
        .status
        .success()
        .then(|| text.lines().next().unwrap_or_default().to_owned())
}

/// The first two numbers of `rustc 1.95.0 (...)` or `6.18.44-x`.
fn numbers(version: &str) -> Option<(u32, u32)> {
    let word = version
        .split_whitespace()
        .find(|word| word.starts_with(|letter: char| letter.is_ascii_digit()))?;
    let mut parts = word.split(|letter: char| !letter.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn toolchain(root: &Path) -> Finding {
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap_or_default();
    let line = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = "));
    let wanted = line.and_then(|version| numbers(version.trim_matches('"')));
    match (version_of("rustc"), wanted) {
        (None, _) => worse(
            "rustc",
            Level::Lacking,
            "not found",
            "Install Rust: https://rustup.rs",
        ),
        (Some(version), Some(wanted)) if numbers(&version).is_some_and(|found| found < wanted) => worse(
            "rustc",
            Level::Lacking,
            format!("{version}; {}.{} is needed", wanted.0, wanted.1),
            "rustup update stable",
        ),
        (Some(version), _) => fine("rustc", version),
    }
}

fn linker() -> Finding {
    match version_of("cc") {
        Some(version) => fine("linker (cc)", version),
        None => worse(
            "linker (cc)",
            Level::Lacking,
            "not found",
            "Install a C toolchain: apt install build-essential",
        ),
    }
}

fn kernel() -> Finding {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let release = release.trim();
    match numbers(release) {
        Some(version) if version >= KERNEL => fine("kernel", format!("Linux {release}")),
        _ => worse(
            "kernel",
            Level::Lacking,
            format!("{} {release}", env::consts::OS),
            &format!(
                "Linux {}.{} or newer is needed; a virtual machine will do.",
                KERNEL.0, KERNEL.1
            ),
        ),
    }
}

fn pidfd() -> Finding {
    match pidfd_open(getpid(), PidfdFlags::empty()) {
        Ok(_) => fine("pidfd", "a process can be held by a descriptor"),
        Err(error) => worse(
            "pidfd",
            Level::Lacking,
            error.to_string(),
            "A newer kernel is needed, or a sandbox forbids pidfd_open.",
        ),
    }
}

fn memfd() -> Finding {
    let made = memfd_create("doctor", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)
        .and_then(|file| fcntl_add_seals(&file, SealFlags::GROW | SealFlags::SHRINK));
    match made {
        Ok(()) => fine("memfd", "shared memory can be made and sealed"),
        Err(error) => worse(
            "memfd",
            Level::Lacking,
            error.to_string(),
            "A sandbox forbids memfd_create or its seals.",
        ),
    }
}

/// A child of this program that waits until it is dropped.
struct Waiting(std::process::Child);

impl Drop for Waiting {
    fn drop(&mut self) {
        // Its standard input closes with it; the kill is for one that does not read.
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

fn probe(what: &str) -> Option<Command> {
    let mut command = Command::new(env::current_exe().ok()?);
    command
        .args(["probe", what])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Some(command)
}

fn tracing() -> Finding {
    let Some(child) = probe("wait").and_then(|mut command| command.stdin(Stdio::piped()).spawn().ok()) else {
        return worse(
            "ptrace",
            Level::Note,
            "not tried: no child could be started",
            "Look at the limits below.",
        );
    };
    let child = Waiting(child);
    let pid = Pid::from_child(&child.0).as_raw_nonzero().get();
    match nix::sys::ptrace::seize(
        nix::unistd::Pid::from_raw(pid),
        nix::sys::ptrace::Options::empty(),
    ) {
        Ok(()) => fine("ptrace", "a child can be traced"),
        Err(error) => worse(
            "ptrace",
            Level::Note,
            error.to_string(),
            "The grader falls back to /proc and says so. In a container: --cap-add=SYS_PTRACE, or a newer seccomp profile.",
        ),
    }
}

fn user_namespaces() -> Finding {
    let status = probe("user-namespace").and_then(|mut command| command.stdin(Stdio::null()).status().ok());
    if status.is_some_and(|status| status.success()) {
        return fine("user namespaces", "permitted");
    }
    worse(
        "user namespaces",
        Level::Note,
        "not permitted",
        "Nothing in the course needs them; tests that use one say that they skip.",
    )
}

fn cores() -> Finding {
    let machine = fs::read_to_string("/sys/devices/system/cpu/online")
        .ok()
        .and_then(|list| count(list.trim()));
    let usable = thread::available_parallelism().map_or(1, usize::from);
    let machine = machine.unwrap_or(usable);
    let observed = format!("{usable} usable of {machine}");
    if usable == 1 {
        return worse(
            "cores",
            Level::Note,
            observed,
            "Verdicts are the same on one core; benchmarks show no speed-up.",
        );
    }
    fine("cores", observed)
}

/// How many numbers a list such as `0-3,6` names.
fn count(list: &str) -> Option<usize> {
    list.split(',')
        .map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
            Some(last.checked_sub(first)? + 1)
        })
        .sum()
}

fn limit(what: &'static str, resource: Resource, wanted: u64, advice: &str) -> Finding {
    match getrlimit(resource) {
        Ok((soft, hard)) => {
            let shown = |value: u64| {
                if value == u64::MAX {
                    "unlimited".to_owned()
                } else {
                    value.to_string()
                }
            };
            let observed = format!("{} (at most {})", shown(soft), shown(hard));
            if soft < wanted {
                worse(what, Level::Note, observed, advice)
            } else {
                fine(what, observed)
            }
        }
        Err(error) => worse(what, Level::Note, error.to_string(), advice),
    }
}

fn open_files() -> Finding {
    limit(
        "open files",
        Resource::RLIMIT_NOFILE,
        OPEN_FILES,
        "ulimit -n 4096",
    )
}

fn processes() -> Finding {
    let by_user = limit("processes", Resource::RLIMIT_NPROC, PROCESSES, "ulimit -u 1024");
    match cgroup("pids.max") {
        Some(most) if most < PROCESSES => worse(
            "processes",
            Level::Note,
            format!("{most} in this container"),
            "Start the container with a higher --pids-limit; lessons use up to 64 processes at once.",
        ),
        _ => by_user,
    }
}

fn memory() -> Finding {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let free = line
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok())
        .map(|kib| kib / 1024);
    let most = cgroup("memory.max").map(|bytes| bytes >> 20);
    let observed = match (free, most) {
        (Some(free), Some(most)) => format!("{free} MiB free, {most} MiB for this container"),
        (Some(free), None) => format!("{free} MiB free"),
        (None, _) => return worse("memory", Level::Note, "unknown", "/proc/meminfo cannot be read."),
    };
    let least = free.into_iter().chain(most).min().unwrap_or(0);
    if least < 1024 {
        return worse(
            "memory",
            Level::Note,
            observed,
            "Building takes about 1 GiB; close something, or build with -j 1.",
        );
    }
    fine("memory", observed)
}

/// A limit of this process's cgroup (version 2), if there is one.
fn cgroup(file: &str) -> Option<u64> {
    let list = fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = list.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let text = fs::read_to_string(Path::new("/sys/fs/cgroup").join(own).join(file)).ok()?;
    text.trim().parse().ok()
}

fn shared_memory() -> Finding {
    match fs::metadata("/dev/shm") {
        Ok(metadata) if metadata.is_dir() => fine("/dev/shm", "there, for named segments"),
        _ => worse(
            "/dev/shm",
            Level::Note,
            "not there",
            "Only lessons on named segments need it: mount -t tmpfs tmpfs /dev/shm",
        ),
    }
}

fn git() -> Finding {
    match version_of("git") {
        Some(version) => fine("git", version),
        None => worse(
            "git",
            Level::Note,
            "not found",
            "Without it an edited exercise.rs is not noticed; work in learn/.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_lists_are_read() {
        assert_eq!(numbers("rustc 1.95.0 (f2d3ce0bd 2026-03-21)"), Some((1, 95)));
        assert_eq!(numbers("6.18.44-fc-v595"), Some((6, 18)));
        assert_eq!(numbers("none"), None);
        assert_eq!(count("0-3,6"), Some(5));
        assert_eq!(count("0"), Some(1));
        assert_eq!(count("3-1"), None);
    }
}
