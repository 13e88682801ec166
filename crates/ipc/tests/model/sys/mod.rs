//! The words, the mutexes and the kernel's sleep of sync's model.

#[path = "../../../../sync/tests/model/sys/futex.rs"]
pub(crate) mod futex;
#[path = "../../../../sync/tests/model/sys/memory.rs"]
pub(crate) mod memory;
