//! Fields whose types cannot live in shared memory, each refused for its own reason.
//! says: `String` cannot live in shared memory: its content is on the heap of this process, and all that the others would see is an address
//! says: keep the content itself, in an array of fixed size
//! says: name: String, | ^^^^^^
//! says: `Vec<u8>` cannot live in shared memory: its content is on the heap of this process
//! says: `AtomicPtr<u8>` cannot live in shared memory
//! says: `bool` cannot live in shared memory: not all bytes are a value of it, and another process may write any
//! says: `core_process::shm::Bool` for a bool
//! says: `char` cannot live in shared memory: not all bytes
//! says: `Option<NonZero<u32>>` cannot live in shared memory: not all bytes
//! says: `MaybeUninit<u64>` cannot live in shared memory: bytes that were not written carry what was in this process's memory
//! says: `Cell<u32>` cannot live in shared memory: it knows the threads of this process alone
//! says: or put the state into a `sync::Monitor`
//! says: `File` cannot live in shared memory: it is the handle of something that this process has
//! says: `Plain` cannot live in shared memory
//! says: `#[repr(C)] #[derive(core_process::shm::Shared)]`
use core_process::shm::Shared;
use std::cell::Cell;
use std::fs::File;
use std::mem::MaybeUninit;
use std::num::NonZeroU32;
use std::sync::atomic::AtomicPtr;

#[repr(C)]
#[derive(Shared)]
struct Pointing {
    name: String,
    items: [Vec<u8>; 2],
    next: AtomicPtr<u8>,
}

#[repr(C)]
#[derive(Shared)]
struct Bits {
    is_ready: bool,
    letter: char,
    number: Option<NonZeroU32>,
}

#[repr(C)]
#[derive(Shared)]
struct Others {
    later: MaybeUninit<u64>,
    counter: Cell<u32>,
    file: File,
}

struct Plain {
    number: u64,
}

#[repr(C)]
#[derive(Shared)]
struct Holds {
    plain: Plain,
}

fn main() {}
