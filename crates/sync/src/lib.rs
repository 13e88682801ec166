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
//! - [`Condition`] is a lock whose holder can wait for news of what it protects; a [`Monitor`] has what it protects inside.
//! - [`Barrier`] is where all meet, or all learn that one cannot come.
//! - [`Locked`] is values with a re-entrant lock inside, and an array of them can be divided into [`Part`]s; `ipc::Value` and `ipc::Array` stand on it.
//! - [`RwLock`] and [`Once`] are what Python lacks.
//!
//! Each of them is a value: an argument of a process, a field, a part of a message; a copy is the same object.
//! Each blocking call has four forms: `op` waits for as long as it takes, `try_op` not at all, `op_until` until a deadline or a stop
//! token ([`core_process::Until`]), `op_timeout` for a duration.
//! Inside: handles (`lock.rs`, `event.rs`) over an object's mapping and a process's place in it (`object.rs`, `member.rs`) and over protocols:
//! `exclusion.rs` of the locks, `flag.rs` of the event, `ledger.rs` of who has what, `permits.rs` of the semaphore, `notices.rs` of the condition,
//! `rounds.rs` of the barrier, `readers.rs` of the read-write lock, `done.rs` of `Once`. A protocol is words of memory and steps; it knows no
//! handle, and stands on `sys` alone.
#![warn(let_underscore_drop)]
#![allow(
    clippy::needless_doctest_main,
    reason = "init() has to be seen as the first line of main"
)]

mod barrier;
mod bounded_semaphore;
mod condition;
mod content;
mod done;
mod event;
mod exclusion;
mod exclusive;
mod flag;
mod identity;
mod keeper;
mod ledger;
mod lock;
mod locked;
mod member;
mod monitor;
mod notices;
mod object;
mod once;
mod owner_died;
mod pace;
mod part;
#[doc(hidden)]
pub mod passage;
mod permits;
mod readers;
mod rlock;
mod rounds;
mod rwlock;
mod seen;
mod semaphore;
mod spin;
mod sys;
mod wakes;

pub use barrier::{Barrier, BarrierError};
pub use bounded_semaphore::{AboveBound, BoundedSemaphore};
pub use condition::{Condition, ConditionError, ConditionGuard};
pub use content::Content;
pub use event::Event;
pub use exclusive::{Exclusive, Held};
pub use lock::{Guard, Lock};
pub use locked::Locked;
pub use member::NoPlace;
pub use monitor::{Monitor, MonitorGuard};
pub use once::{Once, Start};
pub use owner_died::{LockError, OwnerDied, TryLockError};
pub use part::{Part, PartError};
pub use rlock::{RGuard, RLock};
pub use rwlock::{ReadGuard, RwLock, RwLockError, WriteGuard};
pub use semaphore::{AcquireError, Permit, Semaphore, TryAcquireError};
