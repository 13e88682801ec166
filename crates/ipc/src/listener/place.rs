//! Where a listening socket's file is: its making, its removal, and what a dead owner has left there.
//!
//! Invariant: a file that a living process listens at is never removed or replaced, nor is one that is no socket.
//! Whether its owner lives says the kernel: a connection of another type than the owner's is refused with `ECONNREFUSED` where
//! nobody has the socket any more and with `EPROTOTYPE` where somebody has it, who learns nothing of the question.
//! Whoever makes, replaces or removes a file holds the lock of its directory (`flock`), so none of these meets another. If a
//! process dies here
//!
//! - with the lock held: the kernel lets it go;
//! - after the file was made: it is stale, and the next one that wants the address, or any address in the private directory,
//!   removes it. Until then it stays: a file of no bytes, and the directory that it is in.
//!
//! This file does not know who connects.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use rustix::fs::{FlockOperation, Mode, fchmod, flock};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use crate::auth::random;
use crate::listener::address::Address;

/// How long the lock of a directory may be somebody else's. Nobody keeps it longer than a few system calls.
const LONGEST_LOCK: Duration = Duration::from_secs(2);

/// What the files in the private directory are called, before 16 digits.
const PREFIX: &str = "listener-";

/// An address at which this process listens. Dropping it removes the file.
pub(crate) struct Place {
    pub(crate) address: Address,
    file: Option<Made>,
}

/// A file that this process has made.
#[derive(Clone, PartialEq, Eq)]
struct Made {
    path: PathBuf,
    device: u64,
    inode: u64,
    /// Whoever else has a copy of this, by fork, removes nothing.
    owner: u32,
    /// Whether its directory is the private one, and goes with the last file in it.
    is_private: bool,
}

/// The files of this process, for its end: a listener that is never dropped leaves nothing either.
static MADE: Mutex<Vec<Made>> = Mutex::new(Vec::new());

impl Place {
    /// A socket that is bound to `address`; `mode` is who may connect, by its file.
    ///
    /// # Errors
    /// `AddrInUse`: somebody listens there, or the file is no socket. Any other: the system's.
    pub(crate) fn bind(socket: &OwnedFd, address: Address, mode: u32) -> io::Result<Self> {
        let file = match &address {
            Address::Abstract(_) => {
                rustix::net::bind(socket, &address.to_system()?)?;
                None
            }
            Address::File(path) => {
                // The file has the socket's mode from its first moment.
                fchmod(socket, Mode::from_raw_mode(mode))?;
                Some(bind_file(socket, path, false)?)
            }
        };
        Ok(Self { address, file })
    }

    /// A socket that is bound to an address of its own in the private directory of this user.
    ///
    /// # Errors
    /// `PermissionDenied`: the directory is somebody else's. Any other: the system's.
    pub(crate) fn bind_anywhere(socket: &OwnedFd) -> io::Result<Self> {
        fchmod(socket, Mode::from_raw_mode(0o600))?;
        let directory = private_directory();
        let mut tries = 0;
        loop {
            make_private(&directory)?;
            let path = directory.join(format!("{PREFIX}{:016x}", u64::from_ne_bytes(random()?)));
            match bind_file(socket, &path, true) {
                // The last file was removed meanwhile, and the directory with it.
                Err(error) if error.kind() == io::ErrorKind::NotFound && tries < 100 => tries += 1,
                Err(error) => return Err(error),
                Ok(made) => {
                    let address = Address::File(path);
                    return Ok(Self {
                        address,
                        file: Some(made),
                    });
                }
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(made) = self.file.take() {
            known().retain(|other| *other != made);
            made.remove();
        }
    }
}

fn known() -> std::sync::MutexGuard<'static, Vec<Made>> {
    MADE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Made {
    fn remember(self) -> Self {
        // A forked child has no hook until it has made a file of its own.
        static HOOKED: AtomicU32 = AtomicU32::new(0);
        if HOOKED.swap(self.owner, Ordering::Relaxed) != self.owner {
            core_process::at_exit(|| {
                let all = std::mem::take(&mut *known());
                all.iter().for_each(Made::remove);
            });
        }
        known().push(self.clone());
        self
    }

    fn remove(&self) {
        if self.owner != std::process::id() {
            return;
        }
        let Some(directory) = self.path.parent() else {
            return;
        };
        let _lock = lock(directory);
        let is_ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|there| (there.dev(), there.ino()) == (self.device, self.inode));
        if is_ours {
            let _ = fs::remove_file(&self.path);
        }
        if self.is_private {
            // It is not empty as a rule where others listen.
            let _ = fs::remove_dir(directory);
        }
    }
}

fn bind_file(socket: &OwnedFd, path: &Path, is_private: bool) -> io::Result<Made> {
    let system = Address::File(path.to_path_buf()).to_system()?;
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let locked = lock(directory);
    if is_private && locked.is_ok() {
        remove_stale(directory);
    }
    let bound = match rustix::net::bind(socket, &system) {
        Err(Errno::ADDRINUSE) if locked.is_ok() && is_stale(path) => {
            fs::remove_file(path)?;
            rustix::net::bind(socket, &system)
        }
        other => other,
    };
    bound.map_err(|error| match error {
        Errno::ADDRINUSE => io::Error::new(
            io::ErrorKind::AddrInUse,
            format!(
                "{}: somebody listens there, or it is no socket of a dead listener",
                path.display()
            ),
        ),
        other => other.into(),
    })?;
    let there = fs::symlink_metadata(path)?;
    let made = Made {
        // Found again when the working directory is another one.
        path: std::path::absolute(path)?,
        device: there.dev(),
        inode: there.ino(),
        owner: std::process::id(),
        is_private,
    };
    Ok(made.remember())
}

/// Whether `path` is a socket that nobody has any more.
fn is_stale(path: &Path) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|there| there.file_type().is_socket());
    is_socket && is_refused(path).unwrap_or(false)
}

/// Asks with a datagram socket, which no listener is.
fn is_refused(path: &Path) -> io::Result<bool> {
    let asker = socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    let system = Address::File(path.to_path_buf()).to_system()?;
    Ok(rustix::net::connect(&asker, &system) == Err(Errno::CONNREFUSED))
}

/// Removes what dead listeners have left in the private directory, whose lock the caller holds.
fn remove_stale(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        let is_ours = entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(PREFIX.as_bytes());
        if is_ours && is_stale(&entry.path()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The lock of a directory. The kernel lets it go with its process.
struct Locked(File);

impl Drop for Locked {
    fn drop(&mut self) {
        // A child that was forked meanwhile has the file open, too: to close it here would not be enough.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

fn lock(directory: &Path) -> io::Result<Locked> {
    let file = File::open(directory)?;
    let begin = Instant::now();
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(Locked(file)),
            Err(Errno::WOULDBLOCK | Errno::INTR) if begin.elapsed() < LONGEST_LOCK => {
                thread::sleep(Duration::from_millis(1));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// `$XDG_RUNTIME_DIR/ipc`, where there is one, and else `ipc-<user>` among the temporary files.
fn private_directory() -> PathBuf {
    // What is in it beside the directory's own path fits into an address.
    let fits = |base: &PathBuf| base.is_absolute() && base.as_os_str().len() < 60;
    let runtime = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    if let Some(runtime) = runtime.filter(|base| fits(base) && base.is_dir()) {
        return runtime.join("ipc");
    }
    let user = rustix::process::geteuid().as_raw();
    let temporary = Some(env::temp_dir())
        .filter(fits)
        .unwrap_or_else(|| "/tmp".into());
    temporary.join(format!("ipc-{user}"))
}

/// Makes the directory if it is not there, and looks whether it is this user's alone.
fn make_private(directory: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let there = fs::symlink_metadata(directory)?;
    let user = rustix::process::geteuid().as_raw();
    if there.is_dir() && there.uid() == user && there.mode() & 0o077 == 0 {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!(
            "{} is no directory of this user alone: remove it, or give the listener an address of your own",
            directory.display()
        ),
    ))
}
