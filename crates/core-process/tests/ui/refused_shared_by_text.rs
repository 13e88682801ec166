//! Types whose text alone says that they cannot live in shared memory.
//! says: a reference cannot live in shared memory: the address means nothing in another process; keep the value itself, or its index
//! says: name: &'static str, | ^^^^^^^^^^^^
//! says: a pointer cannot live in shared memory: the address means nothing in another process; keep an offset from the start
//! says: a function pointer cannot live in shared memory: the function has another address in another process; keep a number
//! says: a tuple cannot live in shared memory: each compilation may order its fields as it likes; make a `#[repr(C)]` struct
//! says: a slice cannot live in shared memory: its length is known to this process alone; keep an array `[T; N]`
//! says: `Borrows` has a lifetime: it borrows from this process's memory, which no other process sees
//! says: `Generic` has a parameter: whether there is padding between its fields depends on it
//! says: `Packed` is packed: its fields may lie at odd addresses
//! says: `NoLayout` needs `#[repr(C)]`: without it each compilation may order the fields as it likes
//! says: struct NoLayout { | ^^^^^^^^
//! says: the enum `Color` cannot live in shared memory: another process may write any number there, and a value that is none of the variants is undefined behaviour
//! says: keep its number in the field, as `u16`, and make the enum of it by a `match`
//! says: (nor has `Loose` a fixed layout, without `#[repr(u8)]`)
//! says: the enum `Shape` cannot live in shared memory
//! says: make a struct of the variant's number and of the fields of all variants, `Circle`'s among them
//! says: the union `Either` cannot live in shared memory: which of its fields was written last is known to nobody
use core_process::shm::Shared;

#[repr(C)]
#[derive(Shared)]
struct References {
    name: &'static str,
    others: [*mut u64; 2],
    call: fn(u64) -> u64,
    pair: (u32, u32),
}

#[repr(C)]
#[derive(Shared)]
struct Unsized {
    len: u64,
    bytes: [u8],
}

#[repr(C)]
#[derive(Shared)]
struct Borrows<'a> {
    word: &'a u64,
}

#[repr(C)]
#[derive(Shared)]
struct Generic<T> {
    value: T,
}

#[repr(C, packed(2))]
#[derive(Shared)]
struct Packed {
    word: u64,
}

#[derive(Shared)]
struct NoLayout {
    word: u64,
}

#[repr(u16)]
#[derive(Shared)]
enum Color {
    Red,
    Green,
}

#[derive(Shared)]
enum Loose {
    One,
}

#[repr(C)]
#[derive(Shared)]
enum Shape {
    Circle { radius: f64 },
    Square { side: f64 },
}

#[repr(C)]
#[derive(Shared)]
union Either {
    number: u32,
    float: f32,
}

fn main() {}
