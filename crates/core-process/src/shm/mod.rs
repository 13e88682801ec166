//! Memory that processes share.
//!
//! Nothing here has a name in the file system: a segment is a descriptor, and the last process that holds it is the
//! last that pays for it.

mod segment;

pub use segment::Segment;
