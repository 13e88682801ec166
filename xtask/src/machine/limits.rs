//! How much there is: cores, descriptors, processes, memory, and what a container takes away from it.

use std::fs;
use std::path::Path;
use std::thread;

use nix::sys::resource::{Resource, getrlimit};

use super::{Finding, Level, fine, worse};

/// Fewer open files than this are used up by lessons with many children.
const OPEN_FILES: u64 = 1024;
/// Fewer processes than this are used up by a budget of 64 and what else runs.
const PROCESSES: u64 = 256;

pub(super) fn cores() -> Finding {
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

pub(super) fn open_files() -> Finding {
    limit(
        "open files",
        Resource::RLIMIT_NOFILE,
        OPEN_FILES,
        "ulimit -n 4096",
    )
}

pub(super) fn processes() -> Finding {
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

pub(super) fn memory() -> Finding {
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

pub(super) fn shared_memory() -> Finding {
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

/// A limit of this process's cgroup (version 2), if there is one.
fn cgroup(file: &str) -> Option<u64> {
    let list = fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = list.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let text = fs::read_to_string(Path::new("/sys/fs/cgroup").join(own).join(file)).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_processors_are_counted() {
        assert_eq!(count("0-3,6"), Some(5));
        assert_eq!(count("0"), Some(1));
        assert_eq!(count("3-1"), None);
    }
}
