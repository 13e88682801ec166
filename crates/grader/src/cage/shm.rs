//! `/dev/shm` of a run: private where the kernel permits it, and what the run leaves there.
//!
//! Root may have a mount namespace of its own; anybody else may where unprivileged user namespaces are allowed. The
//! warden enters it once, for all its runs; the mount disappears with the warden and its descendants. Where neither is
//! permitted, the names before and after are compared, and what another program has made meanwhile cannot be told apart.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::OnceLock;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use super::outcome::Segment;
use super::procfs;
use super::sys::{self, Fork, Report};

const FOLDER: &str = "/dev/shm";

/// What was in `/dev/shm` before a run.
pub(crate) struct Before {
    is_private: bool,
    names: HashSet<String>,
}

/// Makes `/dev/shm` private if that is possible, and notes what is in it. `most` bytes fit into a private one.
pub(crate) fn before(most: u64) -> Before {
    static IS_PRIVATE: OnceLock<bool> = OnceLock::new();
    let is_private = *IS_PRIVATE.get_or_init(|| become_private(most));
    Before {
        is_private,
        names: segments().into_iter().map(|(name, ..)| name).collect(),
    }
}

/// Names in `/dev/shm` that these processes have open or mapped, and which.
pub(crate) fn users(pids: &[i32]) -> HashMap<String, Vec<i32>> {
    let mut users: HashMap<String, Vec<i32>> = HashMap::new();
    if segments().is_empty() {
        return users;
    }
    for pid in pids {
        let open = procfs::descriptors(*pid).into_iter().map(|open| open.target);
        let mapped = procfs::maps(*pid).into_iter().map(|mapping| mapping.file);
        let names: HashSet<String> = open
            .chain(mapped)
            .filter_map(|file| file.strip_prefix(FOLDER)?.strip_prefix('/').map(str::to_owned))
            .collect();
        for name in names {
            users.entry(name).or_default().push(*pid);
        }
    }
    users
}

impl Before {
    /// What is new since, sorted by name. It is removed if it is certain to be of the run.
    pub(crate) fn left(self, users: &HashMap<String, Vec<i32>>) -> Vec<Segment> {
        let own = rustix::process::geteuid().as_raw();
        let mut left = Vec::new();
        for (name, bytes, user) in segments() {
            if self.names.contains(&name) || (!self.is_private && user != own) {
                continue;
            }
            let held_by = users.get(&name).cloned().unwrap_or_default();
            let certain = self.is_private || !held_by.is_empty();
            if certain {
                remove(&name);
            }
            left.push(Segment {
                name,
                bytes,
                held_by,
                certain,
            });
        }
        left.sort_by(|one, other| one.name.cmp(&other.name));
        left
    }
}

/// Name, size and owner of what is there.
fn segments() -> Vec<(String, u64, u32)> {
    let Ok(entries) = fs::read_dir(FOLDER) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let data = entry.metadata().ok()?;
            Some((
                entry.file_name().to_string_lossy().into_owned(),
                data.len(),
                data.uid(),
            ))
        })
        .collect()
}

fn remove(name: &str) {
    let path = Path::new(FOLDER).join(name);
    // What cannot be removed is reported all the same.
    let _ = if path.is_dir() {
        fs::remove_dir_all(&path)
    } else {
        fs::remove_file(&path)
    };
}

fn become_private(most: u64) -> bool {
    if !Path::new(FOLDER).is_dir() {
        return false;
    }
    if unshare(CloneFlags::CLONE_NEWNS).is_ok() {
        return mount_private(most).is_ok();
    }
    // Some systems let the namespace be made and forbid what it is for, so a child tries it first.
    let is_possible = match sys::fork() {
        Ok(Fork::Child) => sys::exit_now(i32::from(with_own_users(most).is_err())),
        Ok(Fork::Parent(pid)) => matches!(sys::reap(pid), Ok(Report::Exited(0))),
        Err(_) => false,
    };
    is_possible && with_own_users(most).is_ok()
}

/// The same by a user namespace in which the user keeps its number.
fn with_own_users(most: u64) -> io::Result<()> {
    let (user, group) = (
        rustix::process::geteuid().as_raw(),
        rustix::process::getegid().as_raw(),
    );
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    fs::write("/proc/self/gid_map", format!("{group} {group} 1"))?;
    mount_private(most)?;
    if user != 0 {
        // The program must be able to open the journal through the warden's `/proc` entry, which the kernel refuses if
        // the warden has a capability that the program has not.
        sys::drop_capabilities()?;
    }
    Ok(())
}

fn mount_private(most: u64) -> io::Result<()> {
    let nothing = None::<&str>;
    mount(
        nothing,
        "/",
        nothing,
        MsFlags::MS_REC | MsFlags::MS_PRIVATE,
        nothing,
    )?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(
        Some("tmpfs"),
        FOLDER,
        Some("tmpfs"),
        flags,
        Some(format!("mode=1777,size={most}").as_str()),
    )?;
    Ok(())
}
