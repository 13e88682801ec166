//! What this process has open and who its children are, before and after: the difference is a leak.
//!
//! Invariant: what the library keeps for itself (its socket, its forkserver) is left out, nothing else.

use std::collections::{BTreeMap, BTreeSet};

/// The descriptors and children of a moment.
pub(crate) struct Account {
    descriptors: BTreeMap<i32, String>,
    children: BTreeSet<u32>,
    threads: usize,
}

impl Account {
    pub(crate) fn open() -> Self {
        let own = core_process::own_descriptors();
        let helpers = core_process::own_processes();
        Self {
            descriptors: descriptors(std::process::id())
                .into_iter()
                .filter(|(number, _)| !own.contains(number))
                .collect(),
            children: children_of(std::process::id())
                .into_iter()
                .filter(|pid| !helpers.contains(pid))
                .collect(),
            threads: std::fs::read_dir("/proc/self/task").unwrap().count(),
        }
    }

    /// Fails where something was left behind since `open`.
    #[track_caller]
    pub(crate) fn settle(&self) {
        let now = Self::open();
        let more: Vec<_> = now
            .descriptors
            .iter()
            .filter(|one| self.descriptors.get(one.0) != Some(one.1))
            .collect();
        let fewer: Vec<_> = self
            .descriptors
            .iter()
            .filter(|one| now.descriptors.get(one.0) != Some(one.1))
            .collect();
        assert!(
            more.is_empty() && fewer.is_empty(),
            "descriptors left behind: {more:?}, lost: {fewer:?}"
        );
        assert_eq!(
            now.children, self.children,
            "children were left behind (right: before)"
        );
        assert_eq!(
            now.threads, self.threads,
            "threads were left behind (right: before)"
        );
        let blocks = std::fs::read_to_string("/proc/self/maps").unwrap();
        let blocks = blocks.lines().filter(|line| line.contains("start-block")).count();
        // A server has one, and one is kept for the next start.
        let own = core_process::own_descriptors();
        let is_block = |number: &&i32| {
            let link = std::fs::read_link(format!("/proc/self/fd/{number}"));
            link.is_ok_and(|to| to.to_string_lossy().contains("start-block"))
        };
        let kept = own.iter().filter(is_block).count();
        assert!(kept <= 1, "{kept} start blocks are kept");
        let allowed = core_process::own_processes().len() + kept;
        assert!(blocks <= allowed, "{blocks} start blocks are still mapped");
        let shared: Vec<_> = std::fs::read_dir("/dev/shm")
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        if crate::cage::is_isolated() {
            assert!(shared.is_empty(), "{shared:?}");
        }
    }
}

/// The open descriptors of a process and where they lead.
pub(crate) fn descriptors(pid: u32) -> BTreeMap<i32, String> {
    let folder = format!("/proc/{pid}/fd");
    std::fs::read_dir(&folder)
        .unwrap()
        .filter_map(|entry| {
            let entry = entry.unwrap();
            let number = entry.file_name().to_str()?.parse().ok()?;
            let link = std::fs::read_link(entry.path())
                .ok()?
                .to_string_lossy()
                .into_owned();
            // The one by which this list is read.
            (!link.starts_with("/proc/")).then_some((number, link))
        })
        .collect()
}

/// The children of a process, zombies included.
pub(crate) fn children_of(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").unwrap();
    processes
        .filter_map(|entry| {
            let pid: u32 = entry.unwrap().file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            // After the name, which is in parentheses and may hold anything: state, parent.
            let parent_of_it = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse();
            (parent_of_it == Ok(parent)).then_some(pid)
        })
        .collect()
}
