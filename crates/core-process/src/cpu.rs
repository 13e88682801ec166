//! How many processors there are, and how many of them this process may use.
//!
//! Invariant: both are read anew at each call, since affinity and quota can change while a process runs, and both
//! are at least 1.

use crate::sys::cpu;

/// The processors of the machine that are online. Python's `os.cpu_count()` and `multiprocessing.cpu_count()`.
///
/// A process in a container, or with an affinity, may use fewer: see [`usable_cpus`].
///
/// ```
/// assert!(core_process::usable_cpus() <= core_process::cpu_count());
/// ```
pub fn cpu_count() -> usize {
    cpu::online().max(1)
}

/// The processors that the calling thread can keep busy: how many workers are worth starting.
///
/// It is the smallest of three:
/// - [`cpu_count`];
/// - the processors in the calling thread's affinity (`taskset`, a cpuset): Python's `os.process_cpu_count()`. A thread, and a
///   child by whatever method, begin with the affinity of the thread that starts them;
/// - the processor time that the control group of the process, or one above it, may use (`cpu.max`, in version 1
///   `cpu.cfs_quota_us`; what `docker --cpus` sets), in whole processors, rounded down.
///
/// Each call reads some files in `/proc` and `/sys/fs/cgroup`; where they cannot be read, there is no quota.
pub fn usable_cpus() -> usize {
    let affinity = cpu::affinity().unwrap_or(usize::MAX);
    let quota = cpu::quota().unwrap_or(usize::MAX);
    cpu_count().min(affinity).min(quota).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    use std::process::Command;
    use std::thread;

    /// Affinity belongs to a thread and is inherited by the processes that it starts, so a thread of its own is
    /// enough: nobody else is touched.
    #[test]
    fn p30_affinity_limits_the_thread_and_its_children_and_nobody_else() {
        const HERE: &str = "CORE_PROCESS_TEST_AFFINITY";
        if std::env::var_os(HERE).is_some() {
            assert_eq!(usable_cpus(), 1);
            return;
        }
        let machine = cpu_count();
        let before = usable_cpus();
        let limited = thread::spawn(|| {
            let allowed = sched_getaffinity(None).unwrap();
            let mut one = CpuSet::new();
            one.set((0..CpuSet::MAX_CPU).find(|cpu| allowed.is_set(*cpu)).unwrap());
            sched_setaffinity(None, &one).unwrap();
            let here = (usable_cpus(), cpu_count());
            let child = Command::new(std::env::current_exe().unwrap())
                .args([
                    "cpu::tests::p30_affinity_limits_the_thread_and_its_children_and_nobody_else",
                    "--exact",
                ])
                .env(HERE, "1")
                .output()
                .unwrap();
            assert!(
                child.status.success(),
                "{}",
                String::from_utf8_lossy(&child.stdout)
            );
            // Read anew: the wider affinity is seen by the next call.
            sched_setaffinity(None, &allowed).unwrap();
            (here, usable_cpus())
        });
        let (here, after) = limited.join().unwrap();
        assert_eq!(here, (1, machine));
        assert_eq!((after, usable_cpus()), (before, before));
    }

    #[test]
    fn p30_the_machine_has_the_processors_that_the_kernel_lists() {
        let list = std::fs::read_to_string("/sys/devices/system/cpu/online").unwrap();
        let count: usize = list
            .trim()
            .split(',')
            .map(|range| {
                let (first, last) = range.split_once('-').unwrap_or((range, range));
                last.parse::<usize>().unwrap() - first.parse::<usize>().unwrap() + 1
            })
            .sum();
        assert_eq!(cpu_count(), count);
    }
}
