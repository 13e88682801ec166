//! Structs with bytes that belong to no field.
//! says: `Between` has padding before `weight`: bytes that belong to no field carry whatever was in this process's memory to every process that maps them
//! says: weight: u64, | ^^^^^^
//! says: `AtEnd` has padding at its end: bytes that belong to no field
//! says: order the fields by alignment, largest first, and give what is left a name: `reserved: [u8; N]`
//! says: struct AtEnd { | ^^^^^
//! says: `Aligned` has padding at its end
use core_process::shm::Shared;

#[repr(C)]
#[derive(Shared)]
struct Between {
    kind: u8,
    weight: u64,
}

#[repr(C)]
#[derive(Shared)]
struct AtEnd {
    weight: u64,
    kind: u8,
}

#[repr(C, align(64))]
#[derive(Shared)]
struct Aligned(u64);

fn main() {}
