//! Small plays, one for each thing that a protocol promises: a few processes, what each does, and what must be true at the end.
//!
//! Invariant: a scene fails by a panic, and ends by itself: whoever is left asleep is found by the stage. A scene with a victim holds
//! whatever the victim has done before its death.

use std::sync::Arc;
use std::time::Duration;

use core_process::Until;

use crate::checker::SLOTS;
use crate::ledger::{self, Slot};
use crate::pace::Over;
use crate::sys::memory::Memory;

pub(crate) use crate::scene::Scene;

pub(crate) mod barrier;
pub(crate) mod condition;
pub(crate) mod event;
pub(crate) mod ledger_slots;
pub(crate) mod lock;
pub(crate) mod once;
pub(crate) mod rwlock;
pub(crate) mod semaphore;

/// What protocols use: the exclusion, the object's own words, the ledger.
const EXCLUSION: [usize; 5] = [60, 112, 116, 120, 124];
const OWN: [usize; 10] = [8, 128, 132, 136, 140, 144, 148, 152, 156, 192];

/// What a scene puts beside them: these are steps, too, so a process may die between two of them.
pub(crate) const FIRST: usize = 160;
pub(crate) const SECOND: usize = 164;
pub(crate) const THIRD: usize = 168;

/// Memory of an object with an exclusion and nothing else.
fn plain() -> Arc<Memory> {
    Arc::new(Memory::new(
        EXCLUSION.into_iter().chain([128, FIRST, SECOND, THIRD]),
    ))
}

/// Memory of an object with a ledger.
fn with_ledger() -> Arc<Memory> {
    let slots = (0..SLOTS).flat_map(|slot| (0..4).map(move |word| 256 + 64 * slot + 48 + 4 * word));
    let own = EXCLUSION.into_iter().chain(OWN).chain([FIRST, SECOND, THIRD]);
    Arc::new(Memory::new(own.chain(slots)))
}

/// A process's place in an object, as `member.rs` keeps it.
struct Place<'a> {
    memory: &'a Memory,
    index: std::cell::Cell<Option<usize>>,
}

impl<'a> Place<'a> {
    fn new(memory: &'a Memory) -> Self {
        Self {
            memory,
            index: std::cell::Cell::new(None),
        }
    }

    fn slot(&self) -> Result<Slot<'a>, Over> {
        if self.index.get().is_none() {
            self.index.set(ledger::take(self.memory));
        }
        Ok(self.own())
    }

    fn own(&self) -> Slot<'a> {
        // Whoever dies on the way here has none, and looks at nothing.
        ledger::slot(self.memory, self.index.get().unwrap_or(0))
    }
}

/// Waits as long as it takes.
fn forever() -> Until {
    Until::forever()
}

/// Sleeps as often as the stage was told, and gives up.
fn impatient() -> Until {
    Until::from(Duration::ZERO)
}
