//! `Named`: shared memory that has a name, for programs that have nothing but the name in common.
//!
//! A name lies in `/dev/shm`, where the kernel keeps it until somebody removes it: that is what it costs. So here a name has an *owner*, the
//! process that made it, and goes with it:
//!
//! - the owner's last handle removes it, and so does the owner's normal end;
//! - if the owner is killed, its keeper (`named/keeper.rs`), a small process of a session of its own, removes it;
//! - if the keeper is killed, too, the next program that makes a name finds that nobody holds the file's lease, and removes it
//!   (`named/lease.rs`).
//!
//! Invariant: a name is there only when the memory behind it has its whole size, reserved. The file is made without a name, and linked as the
//! last step; the keeper knows it before. So nobody sees a half made one, and no kill leaves a name that nobody knows.
//! What a name cannot promise: anybody of the same user may truncate the file, and then an access ends in SIGBUS. Memory without a name is
//! sealed against that ([`Segment`](super::Segment)).
#![allow(unsafe_code, reason = "another crate's mapping is sent between threads")]

mod keeper;
mod lease;

use std::fmt;
use std::fs::File;
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};

use rustix::fs::{AtFlags, CWD, FallocateFlags, Mode, OFlags};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use shared_memory::{Shmem, ShmemConf, ShmemError};

use crate::Fd;
use crate::sys::fd::above_standard;
use crate::sys::map::Mapping;

/// Where the C library's `shm_open` has its names.
const FOLDER: &str = "/dev/shm";

/// Who removes a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Tracking {
    /// It goes with its owner, the process that made it, however that ends.
    #[default]
    WithOwner,
    /// It stays until somebody unlinks it.
    Untracked,
}

/// Shared memory with a name. Dropping the owner's handle removes the name; the memory stays as long as anybody has it mapped.
pub struct Named {
    /// Read by `Deref` of neither: the bytes are reached through `memory`, which lies inside of this.
    _mapped: Mapped,
    memory: ManuallyDrop<Mapping>,
    /// Its description carries the lease: a shared lock as long as anybody of us has the memory.
    file: OwnedFd,
    name: String,
    inode: u64,
    /// The pid of the owner; 0 if it is no owner's handle.
    owner: u32,
    is_unlinked: AtomicBool,
}

/// Who unmaps it.
enum Mapped {
    ByName(#[allow(dead_code, reason = "it is kept, and unmaps when it is dropped")] Crate),
    ByDescriptor(#[allow(dead_code, reason = "as above")] Mapping),
}

struct Crate(Shmem);

// SAFETY: a mapping belongs to the process, not to a thread; what the crate's handle does when it is dropped (munmap, close) is allowed on
// any thread, and it is not used otherwise.
unsafe impl Send for Crate {}
// SAFETY: as above; nothing is done through a shared reference to it.
unsafe impl Sync for Crate {}

impl Named {
    /// Makes memory of `len` zero bytes under a name, or under a new one of the form `psm_...`.
    ///
    /// # Errors
    /// `InvalidInput`: `len` is 0, or the name is empty, has a slash in it, or is longer than 254 bytes. `AlreadyExists`: somebody has
    /// the name. `ENOSPC`, `ENOMEM`, `EFBIG`: there is not so much memory; no name was made.
    pub fn create(name: Option<&str>, len: usize, tracking: Tracking) -> io::Result<Self> {
        if len == 0 {
            return Err(invalid("shared memory of 0 bytes cannot be mapped"));
        }
        let size = i64::try_from(len).map_err(|_| io::Error::from_raw_os_error(libc::EFBIG))?;
        super::segment::refuse_above_available_memory(size.cast_unsigned())?;
        let given = name.map(checked).transpose()?;
        lease::sweep();
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = above_standard(rustix::fs::open(FOLDER, flags, mode)?)?;
        crate::sys::memfd::grow(file.as_fd(), len)?;
        lease::take(&file)?;
        let inode = rustix::fs::fstat(&file)?.st_ino;
        let owner = match tracking {
            Tracking::WithOwner => std::process::id(),
            Tracking::Untracked => 0,
        };
        if owner != 0 {
            lease::mark(&file)?;
        }
        let name = loop {
            let name = match given {
                Some(name) => name.to_owned(),
                None => new_name()?,
            };
            if owner != 0 {
                keeper::add(&name, inode);
            }
            match link(&file, &name) {
                Ok(()) => break name,
                Err(error) => {
                    keeper::forget(&name, inode);
                    if given.is_some() || error.kind() != io::ErrorKind::AlreadyExists {
                        return Err(error);
                    }
                }
            }
        };
        match map_by_name(&name, inode) {
            Ok(mapped) => Ok(Self::of(mapped, file, name, inode, owner)),
            Err(error) => {
                remove(&name, inode)?;
                keeper::forget(&name, inode);
                Err(error)
            }
        }
    }

    /// Maps the memory that has this name. It is no owner's handle: dropping it removes nothing.
    ///
    /// # Errors
    /// `NotFound`: there is no such name. `InvalidInput`: as for [`create`](Self::create). `InvalidData`: it has no bytes yet; who makes it
    /// (a program of another library) is not done. `ENOSPC`: not all of it is reserved, and there is no memory for the rest.
    pub fn attach(name: &str) -> io::Result<Self> {
        let name = checked(name)?;
        let mut options = File::options();
        options.read(true).write(true).custom_flags(libc::O_NOFOLLOW);
        let file = above_standard(options.open(path(name))?.into())?;
        // Refused: somebody is removing what a dead owner left.
        if lease::take(&file).is_err() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let status = rustix::fs::fstat(&file)?;
        if status.st_nlink == 0 {
            return Err(io::ErrorKind::NotFound.into());
        }
        reserve(&file, status.st_size)?;
        let mapped = map_by_name(name, status.st_ino)?;
        Ok(Self::of(mapped, file, name.to_owned(), status.st_ino, 0))
    }

    /// Maps memory that another process has sent.
    fn open(file: OwnedFd, name: String) -> io::Result<Self> {
        checked(&name)?;
        let file = above_standard(file)?;
        let status = rustix::fs::fstat(&file)?;
        reserve(&file, status.st_size)?;
        let len = usize::try_from(status.st_size).map_err(|_| io::Error::from_raw_os_error(libc::EFBIG))?;
        let mapped = Mapped::ByDescriptor(Mapping::new(file.as_fd(), len)?);
        Ok(Self::of(mapped, file, name, status.st_ino, 0))
    }

    fn of(mapped: Mapped, file: OwnedFd, name: String, inode: u64, owner: u32) -> Self {
        let memory = match &mapped {
            Mapped::ByName(Crate(memory)) => Mapping::of_another(memory.as_ptr(), memory.len()),
            Mapped::ByDescriptor(memory) => Mapping::of_another(memory.as_ptr(), memory.len()),
        };
        Self {
            _mapped: mapped,
            memory,
            file,
            name,
            inode,
            owner,
            is_unlinked: AtomicBool::new(false),
        }
    }

    /// The name, without a slash.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its size in bytes; never 0.
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    #[inline]
    pub fn len(&self) -> usize {
        self.memory.len()
    }

    /// Removes the name. Who has the memory keeps it.
    ///
    /// # Errors
    /// `NotFound`: it is gone already, or another memory has it by now.
    pub fn unlink(&self) -> io::Result<()> {
        self.is_unlinked.store(true, Relaxed);
        keeper::forget(&self.name, self.inode);
        match remove(&self.name, self.inode)? {
            true => Ok(()),
            false => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// The four bytes at `offset` as an atomic integer.
    ///
    /// # Panics
    /// In the caller's line, if `offset` is no multiple of 4 or the bytes do not lie inside.
    #[inline]
    #[track_caller]
    pub fn atomic_u32(&self, offset: usize) -> &AtomicU32 {
        self.memory.atomic_u32(offset)
    }

    /// The eight bytes at `offset` as an atomic integer.
    ///
    /// # Panics
    /// In the caller's line, if `offset` is no multiple of 8 or the bytes do not lie inside.
    #[inline]
    #[track_caller]
    pub fn atomic_u64(&self, offset: usize) -> &AtomicU64 {
        self.memory.atomic_u64(offset)
    }

    /// Copies `bytes` to `offset`. Whoever reads meanwhile may see a part of them.
    ///
    /// # Panics
    /// In the caller's line, if they do not lie inside.
    #[track_caller]
    pub fn write_bytes(&self, offset: usize, bytes: &[u8]) {
        self.memory.write(offset, bytes);
    }

    /// Copies the bytes from `offset` on into `to`. While somebody writes, they may be half old and half new.
    ///
    /// # Panics
    /// In the caller's line, if they do not lie inside.
    #[track_caller]
    pub fn copy_to(&self, offset: usize, to: &mut [u8]) {
        self.memory.read(offset, to);
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        // A forked child has a copy of the handle, and does not own the name.
        let is_owner = self.owner == std::process::id();
        if is_owner && !self.is_unlinked.load(Relaxed) {
            // There is nobody to tell; the keeper has it still, should this fail.
            if remove(&self.name, self.inode).is_ok() {
                keeper::forget(&self.name, self.inode);
            }
        }
    }
}

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Named")
            .field("name", &self.name)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// The memory itself goes, by its descriptor, and the name with it: the receiver has it also when the name is gone.
impl Serialize for Named {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.name, Fd::from(self.file.as_fd())).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (name, file) = <(String, Fd<OwnedFd>)>::deserialize(deserializer)?;
        Self::open(file.into_inner(), name).map_err(D::Error::custom)
    }
}

fn path(name: &str) -> PathBuf {
    [FOLDER, name].iter().collect()
}

/// A name as it is in the folder; one leading slash is allowed, as `shm_open` has it.
fn checked(name: &str) -> io::Result<&str> {
    let bare = name.strip_prefix('/').unwrap_or(name);
    let is_name = !bare.is_empty() && bare.len() <= 254 && bare != "." && bare != "..";
    match is_name && !bare.contains(['/', '\0']) {
        true => Ok(bare),
        false => Err(invalid(
            "a name of shared memory is 1 to 254 bytes without a slash",
        )),
    }
}

fn new_name() -> io::Result<String> {
    let mut random = [0; 8];
    rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())?;
    Ok(format!("psm_{:016x}", u64::from_ne_bytes(random)))
}

fn link(file: &OwnedFd, name: &str) -> io::Result<()> {
    let source = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(rustix::fs::linkat(
        CWD,
        source,
        CWD,
        path(name),
        AtFlags::SYMLINK_FOLLOW,
    )?)
}

/// Removes a name, if it is that of this memory; whether it was.
fn remove(name: &str, inode: u64) -> io::Result<bool> {
    match std::fs::symlink_metadata(path(name)) {
        Ok(found) if found.ino() == inode => match std::fs::remove_file(path(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            removed => removed.map(|()| true),
        },
        Ok(_) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whoever made it may have reserved nothing: an access would end in SIGBUS where there is no memory.
fn reserve(file: &OwnedFd, size: i64) -> io::Result<()> {
    let size = size.cast_unsigned();
    if size == 0 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the shared memory has no bytes (yet): who makes it is not done",
        ));
    }
    Ok(rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, 0, size)?)
}

/// Maps a name that is, before and after, that of this memory.
fn map_by_name(name: &str, inode: u64) -> io::Result<Mapped> {
    let shmem = ShmemConf::new().os_id(format!("/{name}")).open();
    let shmem = shmem.map_err(|error| match error {
        ShmemError::MapOpenFailed(code) | ShmemError::UnknownOsError(code) => {
            io::Error::from_raw_os_error(code.cast_signed())
        }
        other => io::Error::other(other),
    })?;
    match std::fs::symlink_metadata(path(name))?.ino() == inode {
        true => Ok(Mapped::ByName(Crate(shmem))),
        false => Err(io::ErrorKind::NotFound.into()),
    }
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

pub(crate) use keeper::own_descriptors;
