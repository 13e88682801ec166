//! Memory that processes share.
//!
//! Nothing here has a name in the file system: a segment is a descriptor, and the last process that holds it is the
//! last that pays for it.

mod parcel;
mod segment;

pub use parcel::Parcel;
pub use segment::Segment;
