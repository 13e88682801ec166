//! A thousand children at once: all started, then all joined.
#![allow(unsafe_code, reason = "raises the limit of descriptors")]

use std::time::{Duration, Instant};

use core_process::{Child, Context, StartMethod};

/// How many children there are at once.
pub(crate) const SIZE: usize = 1000;

/// What a crowd of children cost.
pub(crate) struct Crowd {
    pub(crate) method: StartMethod,
    pub(crate) size: usize,
    pub(crate) starting: Duration,
    pub(crate) joining: Duration,
    /// Descriptors of this process that were open between the last start and the first join, and not before.
    pub(crate) descriptors: usize,
    /// Of those, how many were still open after the last join.
    pub(crate) left: usize,
}

/// Starts and joins `size` children by each method.
pub(crate) fn measure(size: usize) -> Vec<Crowd> {
    raise_descriptor_limit();
    [StartMethod::Spawn, StartMethod::ForkServer, StartMethod::Fork]
        .map(|method| one(method, size))
        .into()
}

fn one(method: StartMethod, size: usize) -> Crowd {
    let recipe = Context::new(method).process(|| {}, ());
    // The library's own descriptors (the server's socket and the like) are there before we count.
    recipe
        .start()
        .expect("a child starts")
        .join()
        .expect("an empty target returns");
    let before = descriptors();
    let began = Instant::now();
    let children: Vec<Child<()>> = (0..size)
        .map(|_| recipe.start().expect("a child starts"))
        .collect();
    let starting = began.elapsed();
    let with_children = descriptors();
    let began = Instant::now();
    for child in &children {
        child.join().expect("an empty target returns");
    }
    let joining = began.elapsed();
    drop(children);
    Crowd {
        method,
        size,
        starting,
        joining,
        descriptors: with_children - before,
        left: descriptors() - before,
    }
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

/// A thousand children are a thousand descriptors: more than the usual soft limit leaves beside what is open already.
fn raise_descriptor_limit() {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the kernel fills the struct.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } == 0 {
        limit.rlim_cur = limit.rlim_max;
        // SAFETY: the struct was filled by the call before.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
    }
}
