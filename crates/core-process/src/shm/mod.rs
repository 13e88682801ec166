//! Memory that processes share.
//!
//! But for [`Named`], nothing here has a name in the file system: a segment is a descriptor, and the last process that holds it is the
//! last that pays for it.
//!
//! - [`Segment`] is the memory; [`Shared`] says which types may live in it, [`Bool`] is one of them.
//! - [`Typed`] is a value, or an array of values, of such a type; what another process sent is checked: [`OpenError`].
//! - [`Cells`] are values that are read and written in place, without a lock; integers among them as atomics.
//! - [`GrowingSegment`] is memory that becomes larger while processes use it.
//! - [`Named`] has a name, which goes with its owner, for programs that have nothing else in common.
//! - [`Parcel`] is bytes that nobody can change any more; [`Pool`] has segments for large messages, which are used again.

mod bool;
mod cells;
#[doc(hidden)]
pub mod derived;
mod fingerprint;
mod growing;
mod header;
mod loan;
mod named;
mod parcel;
mod pool;
mod segment;
mod shared;
mod typed;

pub use bool::Bool;
pub use cells::{Cells, Integer};
/// Checks that a struct may live in shared memory and implements [`Shared`](trait@Shared) for it, or says why it may not.
pub use core_process_derive::Shared;
pub use fingerprint::Fingerprint;
pub use growing::{GrowingSegment, View};
pub use header::{Fact, OpenError};
pub use loan::{Borrowed, Loan};
pub(crate) use named::own_descriptors;
pub use named::{Named, Tracking};
pub use parcel::Parcel;
pub use pool::{Bounds, Pool};
pub use segment::Segment;
pub use shared::Shared;
pub use typed::{Content, Typed};
