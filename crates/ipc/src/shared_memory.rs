//! `SharedMemory` and `SharedMemoryManager`: bytes under a name, for programs that have nothing but the name in common:
//! `multiprocessing.shared_memory.SharedMemory`.
//!
//! Invariant: a name has an owner, the process that made it, and goes with it however it ends; how, is `core_process::shm::Named`.

use std::io;
use std::ops::Range;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use core_process::shm::Named;
pub use core_process::shm::Tracking;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::array::{OutOfBounds, is_inside};
use crate::shareable_list::{ListError, ListItem, ShareableList};

/// Bytes that a program shares with others by a name: `multiprocessing.shared_memory.SharedMemory`. A CPython program attaches to it, and
/// this one to CPython's.
///
/// Among processes that start each other no name is needed, and it costs something: it has to be removed. [`Array`](crate::Array) has none.
/// The one who makes it owns the name:
///
/// | what happens | the name | the memory |
/// | --- | --- | --- |
/// | the owner's last handle is dropped, or the owner ends normally | is removed | stays with those who have it |
/// | the owner is killed, with its whole group even | is removed at once by the owner's keeper, a small process of a session of its own | the same |
/// | the owner and the keeper are killed | is removed when the next `SharedMemory` of that user is made, if nobody has the memory | the same |
/// | another one who has it ends, however that is | stays | the same |
/// | a CPython process that has attached ends | is removed by CPython's tracker, if it has one (before 3.13 always; `track=False` since) | the same, and a handle can still be sent |
///
/// The keeper is started with the first name, if the program has called [`core_process::init`]. A name that is to outlive its owner is made
/// with [`Tracking::Untracked`].
///
/// A handle can be sent: the memory itself travels, so it arrives also when the name is gone.
///
/// ```
/// use ipc::SharedMemory;
///
/// let ours = SharedMemory::create(16)?;
/// let theirs = SharedMemory::attach(ours.name())?; // in another program
/// theirs.write(0, b"hello")?;
/// assert_eq!(ours.read(0..5)?, b"hello");
/// drop(ours);
/// assert!(SharedMemory::attach(theirs.name()).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct SharedMemory {
    named: Arc<Named>,
}

impl SharedMemory {
    /// Makes `size` zero bytes under a new name, `psm_...`.
    ///
    /// # Errors
    /// As [`create_named`](Self::create_named).
    pub fn create(size: usize) -> io::Result<Self> {
        Self::create_with(None, size, Tracking::WithOwner)
    }

    /// Makes `size` zero bytes under this name.
    ///
    /// # Errors
    /// `AlreadyExists`: somebody has the name. `InvalidInput`: `size` is 0, or the name is empty, has a slash in it, or is longer than 254 bytes.
    /// `ENOSPC`, `ENOMEM`, `EFBIG`: there is not so much memory. It is found out now (CPython dies of SIGBUS later), and no name was made.
    pub fn create_named(name: &str, size: usize) -> io::Result<Self> {
        Self::create_with(Some(name), size, Tracking::WithOwner)
    }

    /// Makes one, and says whether its name goes with this process: `track=False` is [`Tracking::Untracked`].
    ///
    /// # Errors
    /// As [`create_named`](Self::create_named).
    pub fn create_with(name: Option<&str>, size: usize, tracking: Tracking) -> io::Result<Self> {
        let named = Named::create(name, size, tracking)?;
        Ok(Self {
            named: Arc::new(named),
        })
    }

    /// The memory that has this name.
    ///
    /// # Errors
    /// `NotFound`: there is no such name. `InvalidData`: it has no bytes yet. `ENOSPC`: who made it has not reserved it, and there is no
    /// memory left for it.
    pub fn attach(name: &str) -> io::Result<Self> {
        let named = Named::attach(name)?;
        Ok(Self {
            named: Arc::new(named),
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.named.name()
    }

    /// Its size in bytes: as was asked for, on Linux.
    pub fn size(&self) -> usize {
        self.named.len()
    }

    /// Copies bytes out. While somebody writes, they may be half old and half new.
    ///
    /// # Errors
    /// [`OutOfBounds`].
    pub fn read(&self, range: Range<usize>) -> Result<Vec<u8>, OutOfBounds> {
        is_inside(range.clone(), self.size())?;
        let mut bytes = vec![0; range.len()];
        self.named.copy_to(range.start, &mut bytes);
        Ok(bytes)
    }

    /// Copies bytes in, from `offset` on. Whoever reads meanwhile may see a part of them.
    ///
    /// # Errors
    /// [`OutOfBounds`]; nothing was written.
    pub fn write(&self, offset: usize, bytes: &[u8]) -> Result<(), OutOfBounds> {
        is_inside(offset..offset.saturating_add(bytes.len()), self.size())?;
        self.named.write_bytes(offset, bytes);
        Ok(())
    }

    /// The eight bytes at `offset` as an atomic integer.
    ///
    /// # Panics
    /// In the caller's line, if `offset` is no multiple of 8 or the bytes do not lie inside.
    #[track_caller]
    pub fn atomic_u64(&self, offset: usize) -> &AtomicU64 {
        self.named.atomic_u64(offset)
    }

    /// Gives this handle back; with the last of this process the memory is unmapped, and the name goes if this process owns it. A view
    /// cannot be left behind: it borrows the handle.
    ///
    /// ```compile_fail,E0505
    /// let memory = ipc::SharedMemory::create(8).unwrap();
    /// let view = memory.atomic_u64(0);
    /// memory.close();
    /// view.load(std::sync::atomic::Ordering::Relaxed);
    /// ```
    pub fn close(self) {}

    /// Removes the name; who has the memory keeps it.
    ///
    /// # Errors
    /// `NotFound`: it is gone already.
    pub fn unlink(&self) -> io::Result<()> {
        self.named.unlink()
    }
}

impl Serialize for SharedMemory {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.named.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SharedMemory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let named = Named::deserialize(deserializer)?;
        Ok(Self {
            named: Arc::new(named),
        })
    }
}

/// Makes memory whose names end with it: `multiprocessing.managers.SharedMemoryManager`. It needs no server process.
///
/// ```
/// use ipc::{SharedMemory, SharedMemoryManager};
///
/// let manager = SharedMemoryManager::new();
/// let name = manager.shared_memory(64)?.name().to_owned();
/// assert!(SharedMemory::attach(&name).is_ok());
/// drop(manager);
/// assert!(SharedMemory::attach(&name).is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct SharedMemoryManager {
    made: Mutex<Vec<SharedMemory>>,
}

impl SharedMemoryManager {
    /// One that has made nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes memory of `size` zero bytes.
    ///
    /// # Errors
    /// As [`SharedMemory::create`].
    pub fn shared_memory(&self, size: usize) -> io::Result<SharedMemory> {
        let memory = SharedMemory::create(size)?;
        self.keep(&memory);
        Ok(memory)
    }

    /// Makes a list.
    ///
    /// # Errors
    /// As [`ShareableList::new`].
    pub fn shareable_list(
        &self,
        items: impl IntoIterator<Item = ListItem>,
    ) -> Result<ShareableList, ListError> {
        let list = ShareableList::new(items)?;
        self.keep(list.shared_memory());
        Ok(list)
    }

    fn keep(&self, memory: &SharedMemory) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.push(memory.clone());
    }

    /// Removes the names of all that it has made. Who has the memory keeps it. Dropping it does the same.
    pub fn shutdown(self) {}
}

impl Drop for SharedMemoryManager {
    fn drop(&mut self) {
        let made = self.made.get_mut().unwrap_or_else(PoisonError::into_inner);
        for memory in made.drain(..) {
            // Its user may have removed it.
            drop(memory.unlink());
        }
    }
}
