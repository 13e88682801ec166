//! An object in shared memory: its segment, its kind, its number.
//!
//! Invariant: what is mapped as a lock is a lock. The head of the memory says what it is, and whoever receives an object
//! checks head and size before it touches a word of it.
//!
//! | offset | what |
//! | --- | --- |
//! | 0 | `MAGIC` |
//! | 4 | the kind, and the version of its layout |
//! | 8 to 59 | numbers that are fixed when the object is made |
//! | 60 to 127 | the main mutex and its words (`exclusion.rs`), in kinds that have one; 112 to 127 are 0 in others |
//! | 128 on | the kind's own |

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use core_process::shm::Segment;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::exclusion;
use crate::sys::memory::Memory;

const MAGIC: u32 = u32::from_le_bytes(*b"sync");
const KIND: usize = 4;

/// What an object is. The number holds the version of its layout, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    /// The name of its memory in `/proc/<pid>/maps`, and in a diagnosis.
    pub(crate) name: &'static str,
    /// Told from every other kind and layout by this.
    pub(crate) number: u32,
    /// Bytes.
    pub(crate) len: usize,
}

/// A mapped object.
#[derive(Debug)]
pub(crate) struct Object {
    memory: Memory,
    id: u64,
}

impl Object {
    /// Makes one; `lay_out` writes what must be there before anybody else has it.
    pub(crate) fn create(kind: &Kind, lay_out: impl FnOnce(&Memory)) -> io::Result<Arc<Self>> {
        let object = Self::of(Segment::create(kind.name, kind.len)?)?;
        lay_out(&object.memory);
        // Relaxed: another process gets the segment by a message of the kernel, which orders.
        object.memory.word(KIND).store(kind.number, Ordering::Relaxed);
        object.memory.word(0).store(MAGIC, Ordering::Relaxed);
        Ok(Arc::new(object))
    }

    /// Takes a segment of somebody else for an object of this kind, if it is one.
    pub(crate) fn open(segment: Segment, kind: &Kind) -> Result<Arc<Self>, String> {
        if segment.len() != kind.len {
            return Err(format!(
                "this is no {}: {} bytes where {} are expected",
                kind.name,
                segment.len(),
                kind.len
            ));
        }
        let found = [0, KIND].map(|offset| segment.atomic_u32(offset).load(Ordering::Relaxed));
        if found != [MAGIC, kind.number] {
            return Err(format!(
                "this is no {}: it is another object, or of another version",
                kind.name
            ));
        }
        Self::of(segment).map(Arc::new).map_err(|error| error.to_string())
    }

    fn of(segment: Segment) -> io::Result<Self> {
        let id = rustix::fs::fstat(&segment)?.st_ino;
        Ok(Self {
            memory: Memory::new(segment),
            id,
        })
    }

    #[inline]
    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Its number, the same in every process: the inode of its memory.
    #[inline]
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.memory.segment().serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
        kind: &Kind,
    ) -> Result<Arc<Self>, D::Error> {
        Self::open(Segment::deserialize(deserializer)?, kind).map_err(de::Error::custom)
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        // A guard was forgotten: the kernel's list of the mutexes that its thread holds runs through this memory.
        if exclusion::is_held_here(&self.memory) {
            self.memory.stay();
        }
    }
}
