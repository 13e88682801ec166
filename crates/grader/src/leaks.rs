//! What an answer left behind in its own process when its function returned: dead children, living ones, descriptors.
//!
//! Runs inside the cage, in the process of the answer. Invariant: what the library keeps for itself is not counted, and
//! neither is what was there before. It only looks and writes down; the judge decides.
//!
//! Whether a child that nobody waited for is a zombie or an orphan must not depend on the scheduler. So a living one is given
//! the chance to end: as long as anybody in the cage moves, it is looked at again (`work::quiet`; no clock decides).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};

use crate::journal::log::{Line, Log};
use crate::journal::{Phase, Source};
use crate::work::{Motion, Others, children};

pub(crate) const ZOMBIE: &str = "leak_zombie";
pub(crate) const ORPHAN: &str = "leak_orphan";
pub(crate) const DESCRIPTOR: &str = "leak_fd";
pub(crate) const SHARED_MEMORY: &str = "leak_shm";
/// Shared memory that is mapped; its descriptor may be closed.
pub(crate) const MAPPING: &str = "leak_map";
/// A process that the library keeps for itself.
pub(crate) const HELPER: &str = "helper";

/// The name that the library's fork server has.
pub(crate) const FORK_SERVER: &str = "forkserver";

/// The block that the library keeps mapped for its next start.
const SPARE_BLOCK: &str = "/memfd:start-block ";

/// Of each kind, so many are written down.
const SHOWN: usize = 16;
/// Between two looks at a child that still lives.
const PACE: Duration = Duration::from_millis(5);
/// A child that is still busy after this is an orphan.
const PATIENCE: Duration = Duration::from_secs(5);

/// The descriptors that were open before the answer began.
pub(crate) struct Before {
    descriptors: BTreeMap<i32, String>,
    mappings: BTreeSet<String>,
}

/// Whether anything was found that lives on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    Nobody,
    LivingChildren,
}

impl Before {
    pub(crate) fn look() -> Before {
        Before {
            descriptors: descriptors(),
            mappings: mappings(),
        }
    }

    /// Writes down what is left behind now.
    pub(crate) fn compare(&self, log: &Log) -> Left {
        for mapping in mappings().difference(&self.mappings).take(SHOWN) {
            write(log, MAPPING, mapping, 0);
        }
        // Descriptors first: looking at processes below opens none that would stay, but takes time.
        self.compare_descriptors(log);
        let helpers = note_helpers(log);
        settle(log, &helpers);
        let mut left = Left::Nobody;
        let mut queue: Vec<u32> = children(std::process::id())
            .into_iter()
            .filter(|pid| !helpers.contains(pid))
            .collect();
        let (mut zombies, mut orphans) = (0, 0);
        while let Some(pid) = queue.pop() {
            let Some((name, state)) = name_and_state(pid) else {
                continue;
            };
            if matches!(state, 'Z' | 'X') {
                zombies += 1;
                if zombies <= SHOWN {
                    write(log, ZOMBIE, &name, u64::from(pid));
                }
            } else {
                left = Left::LivingChildren;
                queue.extend(children(pid));
                orphans += 1;
                if orphans <= SHOWN {
                    write(log, ORPHAN, &name, u64::from(pid));
                }
            }
        }
        left
    }

    fn compare_descriptors(&self, log: &Log) {
        let own = core_process::own_descriptors();
        let new = descriptors()
            .into_iter()
            .filter(|(fd, target)| !own.contains(fd) && self.descriptors.get(fd) != Some(target));
        for (fd, target) in new.take(SHOWN) {
            let shared = is_shared_memory(&target);
            write(
                log,
                if shared { SHARED_MEMORY } else { DESCRIPTOR },
                &target,
                fd as u64,
            );
        }
    }
}

/// Writes down the processes that the library keeps for itself, and returns them.
pub(crate) fn note_helpers(log: &Log) -> Vec<u32> {
    let helpers = core_process::own_processes();
    for helper in &helpers {
        write(log, HELPER, "", u64::from(*helper));
    }
    helpers
}

/// Waits until no direct child lives, or nobody in the cage moves any more.
fn settle(log: &Log, helpers: &[u32]) {
    let mut others = Others::of_this_thread(log);
    let begun = Instant::now();
    loop {
        let lives = |pid: &u32| name_and_state(*pid).is_some_and(|(_, state)| !matches!(state, 'Z' | 'X'));
        let living = children(std::process::id())
            .into_iter()
            .filter(|pid| !helpers.contains(pid))
            .any(|pid| lives(&pid));
        if !living || others.look() == Motion::None || begun.elapsed() > PATIENCE {
            return;
        }
        std::thread::sleep(PACE);
    }
}

fn descriptors() -> BTreeMap<i32, String> {
    let Ok(entries) = fs::read_dir("/proc/self/fd") else {
        return BTreeMap::new();
    };
    let numbers: Vec<i32> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    // The directory's own descriptor is among the numbers and closed by now: it has no target any more.
    numbers
        .into_iter()
        .filter_map(|fd| {
            Some((
                fd,
                fs::read_link(format!("/proc/self/fd/{fd}"))
                    .ok()?
                    .to_string_lossy()
                    .into_owned(),
            ))
        })
        .collect()
}

/// The shared memory that this process has mapped, by what the kernel calls it and its inode.
fn mappings() -> BTreeSet<String> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let mapping = |line: &str| {
        // Range, rights, offset, device, inode, path; the path alone may hold blanks.
        let mut fields = line.splitn(6, ' ').skip(4);
        let (inode, path) = (fields.next()?, fields.next()?.trim_start());
        let left = is_shared_memory(path) && !path.starts_with(SPARE_BLOCK);
        left.then(|| format!("{path} inode {inode}"))
    };
    maps.lines().filter_map(mapping).collect()
}

fn is_shared_memory(path: &str) -> bool {
    path.starts_with("/memfd:") || path.starts_with("/dev/shm/")
}

fn name_and_state(pid: u32) -> Option<(String, char)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (front, back) = stat.rsplit_once(')')?;
    let name = front.split_once('(')?.1.to_owned();
    Some((name, back.trim_start().chars().next()?))
}

fn write(log: &Log, name: &'static str, subject: &str, object: u64) {
    log.append(&Line {
        source: Source::Grader,
        phase: Phase::Point,
        name,
        subject,
        object,
        value: 0,
        location: None,
    });
}
