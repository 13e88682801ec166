//! Locks between processes that survive the death of any of them: CPython's `multiprocessing.Lock` and its kin in Rust.
//!
//! ```
//! use sync::Lock;
//!
//! let lock = Lock::new()?;
//! match lock.lock() {
//!     Ok(_guard) => {} // mine until `_guard` goes
//!     Err(died) => {
//!         // mine, too; a former owner was killed inside: repair, then say so
//!         let _guard = died.repaired();
//!     }
//! }
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! In reading order:
//!
//! - [`Lock`] and [`RLock`] let one pass at a time; [`OwnerDied`] is the news that the last one did not come back.
//! - [`Event`] is a flag that many wait for.
//! - [`Semaphore`] and [`BoundedSemaphore`] let so many pass; a [`Permit`] comes back when its holder dies.
//! - [`Condition`] is a lock whose holder can wait for news of what it protects.
//! - [`Barrier`] is where all meet, or all learn that one cannot come.
//! - [`RwLock`] and [`Once`] are what Python lacks.
//!
//! Each of them is a value: an argument of a process, a field, a part of a message; a copy is the same object.
//! Each blocking call has four forms: `op` waits for as long as it takes, `try_op` not at all, `op_until` until a deadline or a stop
//! token ([`core_process::Until`]), `op_timeout` for a duration.
//! Inside: handles (`lock.rs`) over protocols (`exclusion.rs`, `flag.rs`) over an object's memory (`object.rs`) over `sys`.
#![warn(let_underscore_drop)]
#![allow(
    clippy::needless_doctest_main,
    reason = "init() has to be seen as the first line of main"
)]

mod barrier;
mod bounded_semaphore;
mod condition;
mod event;
mod exclusion;
mod flag;
mod identity;
mod keeper;
mod ledger;
mod lock;
mod object;
mod once;
mod owner_died;
mod pace;
mod rlock;
mod rwlock;
mod seen;
mod semaphore;
mod sys;

pub use barrier::{Barrier, BarrierError};
pub use bounded_semaphore::{AboveBound, BoundedSemaphore};
pub use condition::{Condition, ConditionError, ConditionGuard};
pub use event::Event;
pub use ledger::NoPlace;
pub use lock::{Guard, Lock};
pub use once::{Once, Start};
pub use owner_died::{LockError, OwnerDied, TryLockError};
pub use rlock::{RGuard, RLock};
pub use rwlock::{ReadGuard, RwLock, RwLockError, WriteGuard};
pub use semaphore::{AcquireError, Permit, Semaphore, TryAcquireError};
