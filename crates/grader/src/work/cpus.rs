//! The processors that a workload may use, made fewer and more again.
//!
//! Invariant: never more than the process was allowed when this was first called in it, and never none. A thread's affinity is
//! its own, and inherited by what it starts; no other thread is touched.

use std::sync::OnceLock;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// What the first caller in this process was allowed.
static ALLOWED: OnceLock<CpuSet> = OnceLock::new();

/// Lets the calling thread, and every thread and process that it starts from now on, use `count` of the processors that it was
/// allowed at the first call; all of them if `count` is larger, one if it is 0. Returns how many it may use now.
///
/// Where the system refuses, nothing changes, and the number says so.
pub fn restrict_cpus(count: usize) -> usize {
    let Ok(now) = sched_getaffinity(None) else {
        // More processors than the set holds: nothing can be restricted, and nobody knows the number better.
        return core_process::usable_cpus();
    };
    let allowed = ALLOWED.get_or_init(|| now);
    let mut fewer = CpuSet::new();
    for cpu in (0..CpuSet::MAX_CPU)
        .filter(|cpu| allowed.is_set(*cpu))
        .take(count.max(1))
    {
        fewer.set(cpu);
    }
    let set = match sched_setaffinity(None, &fewer) {
        Ok(()) => fewer,
        Err(_) => now,
    };
    set.count() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In a thread of its own, so that no other test runs on one processor.
    #[test]
    fn a_thread_is_narrowed_and_widened_and_its_child_with_it() {
        let here = || sched_getaffinity(None).unwrap().count() as usize;
        let before = here();
        std::thread::spawn(move || {
            assert_eq!((restrict_cpus(1), here()), (1, 1));
            assert_eq!(std::thread::spawn(here).join().unwrap(), 1);
            assert_eq!((restrict_cpus(0), here()), (1, 1));
            assert_eq!((restrict_cpus(usize::MAX), here()), (before, before));
        })
        .join()
        .unwrap();
        assert_eq!(here(), before);
    }
}
