//! The protocols, as they are, over a model.

#[path = "../../../src/queue/buffer.rs"]
pub(crate) mod buffer;
#[path = "../../../src/queue/leases.rs"]
pub(crate) mod leases;
#[path = "../../../src/queue/ring.rs"]
pub(crate) mod ring;
#[path = "../../../src/queue/sleepers.rs"]
pub(crate) mod sleepers;

pub(crate) mod beneath;
