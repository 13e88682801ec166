//! What the kernel says about processors: online, allowed by affinity, paid for by a control group.
//!
//! Invariant: what cannot be read is `None`, never a guess.
//! This file does not know which of the three counts.
#![allow(unsafe_code, reason = "sysconf")]

use std::fs;
use std::path::{Component, Path};

use rustix::thread::sched_getaffinity;

/// The processors that are online; 0 if the system does not tell.
pub(crate) fn online() -> usize {
    // SAFETY: sysconf has no preconditions.
    let count = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) };
    usize::try_from(count).unwrap_or(0)
}

/// The processors in the calling thread's affinity; `None` on a machine with more than 1024.
pub(crate) fn affinity() -> Option<usize> {
    let set = sched_getaffinity(None).ok()?;
    usize::try_from(set.count()).ok().filter(|count| *count > 0)
}

/// The whole processors that the control groups of this process allow it, which may be 0; `None` without a limit.
pub(crate) fn quota() -> Option<usize> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    smallest_quota(&groups, &mounts, |path| fs::read_to_string(path).ok())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    V1,
    V2,
}

/// A mounted hierarchy that can limit processor time.
struct Mount<'a> {
    version: Version,
    /// The control group that is seen at `point`.
    root: &'a Path,
    point: &'a Path,
}

impl<'a> Mount<'a> {
    /// Reads a line of `mountinfo`: `id parent major:minor root point options [tags..] - type source super-options`.
    fn parse(line: &'a str) -> Option<Self> {
        let (left, right) = line.split_once(" - ")?;
        let mut left = left.split(' ').skip(3);
        let (root, point) = (Path::new(left.next()?), Path::new(left.next()?));
        let mut right = right.split(' ');
        let kind = right.next()?;
        let controllers = right.nth(1)?;
        let version = match kind {
            "cgroup2" => Version::V2,
            "cgroup" if controllers.split(',').any(|name| name == "cpu") => Version::V1,
            _ => return None,
        };
        Some(Self { version, root, point })
    }

    /// The smallest quota from the process's group up to the highest group that is seen here.
    fn quota(&self, groups: &str, read: &impl Fn(&Path) -> Option<String>) -> Option<usize> {
        let group = groups.lines().find_map(|line| group_of(line, self.version))?;
        // A group outside of what is mounted (a container without a namespace of its own): the mount is the group.
        let below = group.strip_prefix(self.root).unwrap_or(Path::new(""));
        let below = if below
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
        {
            below
        } else {
            Path::new("")
        };
        below
            .ancestors()
            .filter_map(|at| self.version.read_quota(&self.point.join(at), read))
            .min()
    }
}

/// The path in a line of `/proc/self/cgroup` (`id:controllers:path`), if it is of the hierarchy that is meant.
fn group_of(line: &str, version: Version) -> Option<&Path> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (controllers, path) = (parts.next()?, parts.next()?);
    let meant = match version {
        Version::V1 => controllers.split(',').any(|name| name == "cpu"),
        Version::V2 => controllers.is_empty(),
    };
    meant.then_some(Path::new(path))
}

impl Version {
    /// The whole processors that one group allows.
    fn read_quota(self, group: &Path, read: &impl Fn(&Path) -> Option<String>) -> Option<usize> {
        let (quota, period) = match self {
            // `max 100000` where there is no limit, which is no number.
            Self::V2 => {
                let text = read(&group.join("cpu.max"))?;
                let (quota, period) = text.trim().split_once(' ')?;
                (quota.parse::<usize>().ok()?, period.parse::<usize>().ok()?)
            }
            // -1 where there is no limit, which is no `usize`.
            Self::V1 => {
                let number = |file| read(&group.join(file))?.trim().parse::<usize>().ok();
                (number("cpu.cfs_quota_us")?, number("cpu.cfs_period_us")?)
            }
        };
        quota.checked_div(period)
    }
}

fn smallest_quota(groups: &str, mounts: &str, read: impl Fn(&Path) -> Option<String>) -> Option<usize> {
    mounts
        .lines()
        .filter_map(Mount::parse)
        .filter_map(|mount| mount.quota(groups, &read))
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    const V2: &str = "29 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate";
    const V1: &str = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
33 31 0:30 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw";

    /// A quota under a tree of files: path, content.
    fn quota(groups: &str, mounts: &str, files: &[(&str, &str)]) -> Option<usize> {
        smallest_quota(groups, mounts, |path| {
            let file = files.iter().find(|(name, _)| Path::new(name) == path);
            file.map(|(_, content)| format!("{content}\n"))
        })
    }

    #[test]
    fn version_2_takes_the_smallest_on_the_whole_path() {
        let files = [
            ("/sys/fs/cgroup/a/cpu.max", "350000 100000"),
            ("/sys/fs/cgroup/a/b/cpu.max", "max 100000"),
            ("/sys/fs/cgroup/a/b/c/cpu.max", "800000 100000"),
            ("/sys/fs/cgroup/other/cpu.max", "100000 100000"),
        ];
        assert_eq!(quota("0::/a/b/c\n", V2, &files), Some(3));
        assert_eq!(quota("0::/a/b\n", V2, &files[1..2]), None);
        assert_eq!(
            quota("0::/\n", V2, &[("/sys/fs/cgroup/cpu.max", "50000 100000")]),
            Some(0)
        );
    }

    #[test]
    fn version_1_takes_the_smallest_on_the_whole_path() {
        let groups = "9:name=systemd:/\n3:cpuset:/x\n1:cpu,cpuacct:/a/b\n0::/\n";
        let files = [
            ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1"),
            ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000"),
            ("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "200000"),
            ("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000"),
            ("/sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us", "450000"),
            ("/sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us", "50000"),
        ];
        assert_eq!(quota(groups, V1, &files), Some(2));
        assert_eq!(quota(groups, V1, &files[..2]), None);
    }

    #[test]
    fn a_container_sees_its_group_at_the_mount() {
        let mount = "29 22 0:26 /docker/id /sys/fs/cgroup ro - cgroup2 cgroup rw";
        let files = [
            ("/sys/fs/cgroup/cpu.max", "200000 100000"),
            ("/sys/fs/cgroup/in/cpu.max", "100000 100000"),
        ];
        assert_eq!(quota("0::/docker/id\n", mount, &files), Some(2));
        assert_eq!(quota("0::/docker/id/in\n", mount, &files), Some(1));
        assert_eq!(quota("0::/elsewhere/in\n", mount, &files), Some(2));
        assert_eq!(quota("0::/../../in\n", V2, &files), Some(2));
    }

    #[test]
    fn what_cannot_be_understood_is_no_limit() {
        for text in ["", "max", "100000", "x 100000", "100000 0", "-1 100000"] {
            assert_eq!(
                quota("0::/\n", V2, &[("/sys/fs/cgroup/cpu.max", text)]),
                None,
                "{text:?}"
            );
        }
        for mounts in [
            "",
            "-",
            "1 2 3 - cgroup2",
            "29 22 0:26 / /sys/fs/cgroup rw - cgroup2",
        ] {
            assert_eq!(
                quota("0::/\n", mounts, &[("/sys/fs/cgroup/cpu.max", "1 1")]),
                None
            );
        }
        for groups in ["", "0", "0:", "::\n:", "nonsense"] {
            let _ = quota(groups, V2, &[]);
        }
    }
}
