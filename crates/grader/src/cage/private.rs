//! What belongs to one run alone: its directory, its output files, its `/dev/shm`.
//!
//! The output goes to files in memory that have no name: nobody has to read them while the run lasts, an orphan that
//! holds them open blocks nobody, and they are gone with their last holder, the warden's violent death included.

use std::io::{self, Read, Seek};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, MemfdFlags, Mode, OFlags};

/// Most names of left files that are reported.
const MOST_FILES: usize = 1000;

/// A directory without a lock is left by a warden that was killed, unless it is younger than this: then its warden may be
/// about to lock it.
const FRESH: Duration = Duration::from_secs(60);
const PREFIX: &str = "cage-";

/// The directory of a run, with a lock on it that ends with the warden.
pub(crate) struct Home {
    folder: tempfile::TempDir,
    _lock: OwnedFd,
}

impl Home {
    /// Makes it, and removes those that killed wardens have left.
    pub(crate) fn new() -> io::Result<Home> {
        remove_stale(&std::env::temp_dir());
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir()?;
        let lock = lock(folder.path())?;
        Ok(Home { folder, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Removes it with all that is in it.
    pub(crate) fn close(self) -> io::Result<()> {
        self.folder.close()
    }
}

fn lock(folder: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = rustix::fs::open(folder, flags, Mode::empty())?;
    rustix::fs::flock(&fd, FlockOperation::NonBlockingLockExclusive)?;
    Ok(fd)
}

fn remove_stale(parent: &Path) {
    let Ok(entries) = std::fs::read_dir(parent) else {
        return;
    };
    for entry in entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX))
    {
        let age = entry
            .metadata()
            .ok()
            .and_then(|data| data.modified().ok()?.elapsed().ok());
        if age.is_some_and(|age| age > FRESH)
            && let Ok(_locked) = lock(&entry.path())
        {
            // Another user's directory cannot be removed, and is not ours to.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// The standard output and the standard error of a run.
pub(crate) struct Outputs {
    stdout: std::fs::File,
    stderr: std::fs::File,
}

impl Outputs {
    pub(crate) fn new() -> io::Result<Outputs> {
        Ok(Outputs {
            stdout: nameless("stdout")?,
            stderr: nameless("stderr")?,
        })
    }

    /// Descriptors for the program, at numbers that its standard streams do not use.
    pub(crate) fn for_the_program(&self) -> io::Result<(OwnedFd, OwnedFd)> {
        Ok((high(&self.stdout)?, high(&self.stderr)?))
    }

    /// Bytes written so far.
    pub(crate) fn bytes(&self) -> u64 {
        let size = |file: &std::fs::File| file.metadata().map_or(0, |data| data.len());
        size(&self.stdout) + size(&self.stderr)
    }

    /// Whether a descriptor's link is to one of them.
    pub(crate) fn is_link_of_them(target: &str) -> bool {
        target.starts_with("/memfd:cage-stdout") || target.starts_with("/memfd:cage-stderr")
    }

    /// What was written, at most `most` bytes of each.
    pub(crate) fn into_text(self, most: u64) -> io::Result<(String, String)> {
        Ok((text(self.stdout, most)?, text(self.stderr, most)?))
    }
}

fn nameless(what: &str) -> io::Result<std::fs::File> {
    let fd = rustix::fs::memfd_create(format!("cage-{what}"), MemfdFlags::CLOEXEC)?;
    // A process that opens the stream anew must not write over what is there.
    rustix::fs::fcntl_setfl(&fd, OFlags::RDWR | OFlags::APPEND)?;
    Ok(std::fs::File::from(high(fd)?))
}

/// The same file at a descriptor above the standard streams, which a child replaces one by one.
pub(crate) fn high(fd: impl AsFd) -> io::Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(fd, 3)?)
}

fn text(mut file: std::fs::File, most: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.take(most).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Files under `folder`, relative to it, sorted; directories are named only if they are empty.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&next) else {
            continue;
        };
        let mut is_empty = true;
        for entry in entries.flatten() {
            is_empty = false;
            if found.len() == MOST_FILES {
                return found;
            }
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(entry.path());
            } else if let Ok(path) = entry.path().strip_prefix(folder) {
                found.push(path.to_owned());
            }
        }
        if is_empty && next != folder {
            found.extend(next.strip_prefix(folder).map(Path::to_owned));
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::{FRESH, Outputs, files, lock, remove_stale};
    use std::io::Write;
    use std::path::PathBuf;

    #[test]
    fn files_and_empty_directories_are_listed() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("a/empty")).unwrap();
        std::fs::write(folder.path().join("a/file"), "x").unwrap();
        assert_eq!(
            files(folder.path()),
            [PathBuf::from("a/empty"), PathBuf::from("a/file")]
        );
    }

    #[test]
    fn a_directory_of_a_killed_warden_is_removed_and_a_living_ones_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let old = std::time::SystemTime::now() - 2 * FRESH;
        let make = |name: &str| {
            let path = parent.path().join(name);
            std::fs::create_dir(&path).unwrap();
            std::fs::File::open(&path).unwrap().set_modified(old).unwrap();
            path
        };
        let (stale, alive, other) = (make("cage-stale"), make("cage-alive"), make("other"));
        let _lock = lock(&alive).unwrap();
        remove_stale(parent.path());
        assert!(!stale.exists() && alive.exists() && other.exists());
    }

    #[test]
    fn output_is_cut_and_counted() {
        let outputs = Outputs::new().unwrap();
        let (stdout, _) = outputs.for_the_program().unwrap();
        std::fs::File::from(stdout).write_all(b"0123456789").unwrap();
        assert_eq!(outputs.bytes(), 10);
        assert_eq!(outputs.into_text(4).unwrap(), ("0123".to_owned(), String::new()));
    }
}
