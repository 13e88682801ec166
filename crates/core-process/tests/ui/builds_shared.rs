//! What may live in shared memory: the right forms of what the `refused_shared` files do wrong.
#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicU32, AtomicUsize};

use core_process::shm::{Bool, Shared};

#[repr(u8)]
enum State {
    Waiting = 0,
    Running = 1,
}

#[repr(C)]
#[derive(Clone, Copy, Shared)]
struct Point {
    x: f64,
    y: f64,
}

#[repr(C)]
#[derive(Shared)]
struct Board {
    points: [Point; 3],
    next: AtomicUsize,
    waiters: AtomicU32,
    state: u8,
    is_ready: Bool,
    name_len: u8,
    reserved: u8,
    name: [u8; 32],
}

#[repr(transparent)]
#[derive(Shared)]
struct Meters(f32);

/// A name that the standard library has, too: what counts is the type.
#[repr(C)]
#[derive(Shared)]
struct Cell {
    height: u16,
}

#[repr(C)]
#[derive(Shared)]
struct Grid {
    cells: [[Cell; 4]; 4],
}

fn main() {
    fn may_live_there<T: Shared>() {}
    may_live_there::<Board>();
    may_live_there::<Meters>();
    may_live_there::<Grid>();
    let states = [State::Waiting as u8, State::Running as u8];
    let point = Point { x: 1.0, y: 2.0 };
    assert_ne!(states[0], states[1]);
    assert_eq!(point.x + point.y, 3.0);
}
