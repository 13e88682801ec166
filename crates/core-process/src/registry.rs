//! The children that this process has started and that have not been seen to end.
//!
//! Invariant: a child is here from its start until its status was taken. Whoever drops a child's handle leaves it to the
//! registry, which waits for it when the process ends, so nothing is forgotten.

use std::mem::{forget as forget_memory, take};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex};

use crate::ChildHandle;
use crate::handle::{ChildState, lock};
use crate::sys::inherited;

struct Registry {
    children: Vec<Arc<ChildState>>,
    /// Children started so far, for the automatic names.
    started: u32,
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry {
    children: Vec::new(),
    started: 0,
});

/// The number of the next child of this process, from 1.
pub(crate) fn next_number() -> u32 {
    let mut registry = lock(&REGISTRY);
    registry.started += 1;
    registry.started
}

pub(crate) fn add(child: Arc<ChildState>) {
    lock(&REGISTRY).children.push(child);
}

/// Takes out a child whose status is known. By identity: the pid may be another child's by now, if a stranger has taken the
/// status of this one.
pub(crate) fn forget(child: &ChildState) {
    let forgotten = {
        let mut registry = lock(&REGISTRY);
        let at = registry
            .children
            .iter()
            .position(|known| std::ptr::eq(&**known, child));
        at.map(|at| registry.children.swap_remove(at))
    };
    drop(forgotten);
}

/// Takes ended children that nobody holds a handle to from the kernel's table (CPython row P40: another start does it).
pub(crate) fn sweep() {
    let abandoned: Vec<_> = {
        let registry = lock(&REGISTRY);
        registry
            .children
            .iter()
            .filter(|child| Arc::strong_count(child) == 1)
            .cloned()
            .collect()
    };
    for child in abandoned {
        let _ = child.poll();
    }
}

/// All children, helpers of the library included.
#[inline]
pub(crate) fn all() -> Vec<Arc<ChildState>> {
    lock(&REGISTRY).children.clone()
}

/// In a forked child: these are the parent's children, not ours. Their descriptors are closed where nobody else here has a handle;
/// their memory is left alone, since to free it would copy each of its pages.
#[inline]
pub(crate) fn after_fork() {
    let mut registry = lock(&REGISTRY);
    let children = take(&mut registry.children);
    registry.started = 0;
    for child in &children {
        if Arc::strong_count(child) == 1 {
            inherited::close(child.pidfd.as_raw_fd());
        }
    }
    forget_memory(children);
}

/// The children of this process that are running now, in no special order. Those that have ended leave the kernel's process
/// table by this call (CPython's `active_children`, row P29).
///
/// ```
/// use core_process::{Process, active_children};
///
/// fn main() {
///     core_process::init();
///     let child = Process::new(|| std::thread::park(), ()).start().unwrap();
///     assert_eq!(active_children().len(), 1);
///     child.kill().unwrap();
///     child.wait().unwrap();
///     assert!(active_children().is_empty());
/// }
/// ```
pub fn active_children() -> Vec<ChildHandle> {
    let mut children: Vec<_> = all()
        .into_iter()
        .filter(|child| !child.is_helper)
        .map(|state| ChildHandle { state })
        .collect();
    children.retain(ChildHandle::is_alive);
    children.sort_by_key(ChildHandle::pid);
    children
}

/// The running children of this process with this name; names need not be unique, and those of grandchildren are not known
/// here.
pub fn find_by_name(name: &str) -> Vec<ChildHandle> {
    let mut children = active_children();
    children.retain(|child| child.name() == name);
    children
}

/// The pids of the library's own running children.
pub(crate) fn helpers() -> Vec<u32> {
    all()
        .iter()
        .filter(|child| child.is_helper)
        .map(|child| child.pid)
        .collect()
}
