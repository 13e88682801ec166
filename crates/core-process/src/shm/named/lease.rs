//! The lease of a name: a shared lock that everybody of us holds who has the memory, and the marks of the names that go with their owner.
//!
//! Invariant: a marked name whose file nobody has a lock on is a dead owner's. The lock belongs to the open file description, so the kernel
//! frees it with the last process that has it; it is taken before the name is there.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

use rustix::fs::{FlockOperation, Mode, fchmod, flock};

/// On a file the sticky bit has no meaning to Linux: here it says that the name goes with its owner.
const MARK: u32 = 0o1000;

/// Takes part in the lease. Refused while somebody is removing the file.
pub(super) fn take(file: impl AsFd) -> io::Result<()> {
    Ok(flock(file, FlockOperation::NonBlockingLockShared)?)
}

/// Says that the name goes with its owner.
pub(super) fn mark(file: impl AsFd) -> io::Result<()> {
    Ok(fchmod(file, Mode::RUSR | Mode::WUSR | Mode::SVTX)?)
}

/// Removes the names that dead owners of this user have left: owners that were killed together with their keepers.
pub(super) fn sweep() {
    let Ok(entries) = std::fs::read_dir(super::FOLDER) else {
        return;
    };
    for entry in entries.flatten() {
        let is_marked = entry.metadata().is_ok_and(|status| {
            status.is_file()
                && status.mode() & MARK != 0
                && status.uid() == rustix::process::geteuid().as_raw()
        });
        let mut options = File::options();
        options.read(true).write(true).custom_flags(libc::O_NOFOLLOW);
        if is_marked
            && let Ok(file) = options.open(entry.path())
            && flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
            && let (Ok(status), Some(name)) = (file.metadata(), entry.file_name().to_str())
        {
            // One that cannot be removed is left to the next sweep.
            drop(super::remove(name, status.ino()));
        }
    }
}
