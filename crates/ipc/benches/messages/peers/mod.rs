//! What ours is compared with, beside CPython.

pub(crate) mod crossbeam;
pub(crate) mod ipc_channel;
pub(crate) mod ring;
