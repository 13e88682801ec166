//! A process's place in an object with a ledger: taken when it is first needed, left when the last handle goes.
//!
//! Invariant: a process has one slot in an object however many handles it has, and a forked child has not its parent's.
//! What a slot means is the object's; what the steps are is `ledger.rs`.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use serde::{Deserializer, Serialize, Serializer};

use crate::identity;
use crate::keeper::{self, Lasting};
use crate::ledger::{self, PLACES, Slot};
use crate::object::{Kind, Object};
use crate::sys::memory::Memory;

/// Why a process has no place in an object.
#[derive(Debug)]
#[non_exhaustive]
pub enum NoPlace {
    /// As many processes as an object has room for (1020) use it at this moment.
    TooManyProcesses,
    /// The thread that shows that this process lives could not be started; the main thread needs none.
    Os(io::Error),
}

impl fmt::Display for NoPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyProcesses => {
                write!(f, "{PLACES} processes use the object already, which is its limit")
            }
            Self::Os(error) => write!(
                f,
                "the thread that shows that this process lives was not started: {error}"
            ),
        }
    }
}

impl std::error::Error for NoPlace {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::TooManyProcesses => None,
            Self::Os(error) => Some(error),
        }
    }
}

/// An object, and this process's place in it.
#[derive(Debug)]
pub(crate) struct Member {
    object: Arc<Object>,
    /// `epoch << 32 | on_main << 31 | slot + 1`; 0 without a place. A place of another epoch is the parent's.
    place: AtomicU64,
}

const ON_MAIN: u64 = 1 << 31;

impl Member {
    /// Makes an object, without a place in it.
    pub(crate) fn create(kind: &Kind, lay_out: impl FnOnce(&Memory)) -> io::Result<Arc<Self>> {
        Object::create(kind, lay_out).map(Self::of)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
        kind: &Kind,
    ) -> Result<Arc<Self>, D::Error> {
        Object::deserialize(deserializer, kind).map(Self::of)
    }

    fn of(object: Arc<Object>) -> Arc<Self> {
        Arc::new(Self {
            object,
            place: AtomicU64::new(0),
        })
    }

    #[inline]
    pub(crate) fn memory(&self) -> &Memory {
        self.object.memory()
    }

    /// The object's number.
    #[inline]
    pub(crate) fn id(&self) -> u64 {
        self.object.id()
    }

    /// The slot of this process, which takes one if it has none. Under the exclusion.
    #[inline]
    pub(crate) fn slot(&self) -> Result<Slot<'_>, NoPlace> {
        match self.own_slot() {
            Some(slot) => Ok(slot),
            None => self.take_place(),
        }
    }

    /// The slot of this process, if it has one.
    #[inline]
    pub(crate) fn own_slot(&self) -> Option<Slot<'_>> {
        self.index().map(|index| ledger::slot(self.memory(), index))
    }

    #[inline]
    fn index(&self) -> Option<usize> {
        // Relaxed: written under the exclusion by a thread of this process. Who has something in the slot was handed it by that
        // thread, or was under the exclusion after it.
        let place = self.place.load(Relaxed);
        (place != 0 && (place >> 32) as u32 == identity::epoch())
            .then(|| ((place & (ON_MAIN - 1)) - 1) as usize)
    }

    #[cold]
    fn take_place(&self) -> Result<Slot<'_>, NoPlace> {
        let object = Arc::clone(&self.object);
        let (taken, thread) = keeper::run(move || ledger::take(object.memory())).map_err(NoPlace::Os)?;
        let index = taken.ok_or(NoPlace::TooManyProcesses)?;
        let on_main = if thread == Lasting::Main { ON_MAIN } else { 0 };
        let place = u64::from(identity::epoch()) << 32 | on_main | (index as u64 + 1);
        self.place.store(place, Relaxed);
        Ok(ledger::slot(self.memory(), index))
    }
}

impl Drop for Member {
    /// Leaves. What the process still has, if anything, goes with it: the object's handles see to it that this is nothing.
    fn drop(&mut self) {
        let Some(index) = self.index() else { return };
        let on_main = *self.place.get_mut() & ON_MAIN != 0;
        let object = Arc::clone(&self.object);
        let thread = if on_main { Lasting::Main } else { Lasting::Keeper };
        ledger::slot(self.memory(), index).set_free();
        // The job keeps the mapping until the mutex in it is released.
        keeper::run_on(thread, move || ledger::slot(object.memory(), index).unlock());
    }
}

/// As the object: the place stays here.
impl Serialize for Member {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.object.serialize(serializer)
    }
}
