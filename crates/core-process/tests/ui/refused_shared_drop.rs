//! A type that nobody would drop.
//! says: `Ticket` implements `Drop`, which nobody would call: the value stays in the memory when one process goes
//! says: struct Ticket { | ^^^^^^
use core_process::shm::Shared;

#[repr(C)]
#[derive(Shared)]
struct Ticket {
    number: u64,
}

impl Drop for Ticket {
    fn drop(&mut self) {}
}

fn main() {}
