//! `fork`: a copy of this process, which has one thread.

use std::cell::Cell;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::thread::futex;

use super::{Plan, StartBlock, Started, Work, bootstrap, no_process};
use crate::StartError;
use crate::exit::NoWayBack;
use crate::sys::{self, parent_death, pidfd, threads};

/// How often a child that waits for its parent looks whether it is still there.
const LOOK: Duration = Duration::from_millis(100);

pub(super) fn start(mut plan: Plan<'_>) -> Result<(Started, StartBlock), StartError> {
    let threads =
        threads::count().map_err(|error| StartError::os("count threads (/proc/self/task)", error))?;
    if threads != 1 {
        return Err(StartError::ForkWithThreads { threads });
    }
    // What is buffered now would be printed by both (CPython row P32). A closed stdout is no reason not to start.
    let _ = io::stdout().flush();
    plan.carry_options(false)?;
    let (block, file) = plan.block_without_message()?;
    // Where others reap, a child that ends at once is gone before its pidfd is open: it waits until we have it.
    let must_wait = threads::children_may_vanish();
    match sys::fork::fork().map_err(no_process)? {
        sys::fork::Forked::Child => {
            if must_wait {
                await_go(block.go(), block.parent());
            }
            become_child(plan, block, file)
        }
        sys::fork::Forked::Parent(pid) => {
            // Closes the file first, so that its number is free for the pidfd: a descriptor is lacking only where
            // another process lowers our limit now.
            drop(file);
            let pidfd = pidfd::adopt(pid).map_err(no_process)?;
            // Release: pairs with the Acquire in `await_go`.
            block.go().store(1, Ordering::Release);
            if must_wait {
                let _ = futex::wake(block.go(), futex::Flags::empty(), 1);
            }
            Ok((Started { pid, pidfd }, block))
        }
    }
}

/// In the child: waits for the parent's word, or for its end.
fn await_go(go: &AtomicU32, parent: u32) {
    let look = futex::Timespec {
        tv_sec: 0,
        tv_nsec: LOOK.as_nanos() as _,
    };
    // Acquire: pairs with the Release of the parent; nothing but the word itself is read after it.
    while go.load(Ordering::Acquire) == 0 && parent_death::parent_pid() == parent {
        let _ = futex::wait(go, futex::Flags::empty(), 0, Some(&look));
    }
}

/// In the child: its descriptors are the parent's, copied under the same numbers.
fn become_child(mut plan: Plan<'_>, block: StartBlock, file: OwnedFd) -> ! {
    let _no_way_back = NoWayBack;
    bootstrap::after_fork(&mut plan.launch, block.parent());
    let streams = plan.stream_sources();
    let prepare = || bootstrap::enter(&plan.launch, streams);
    match plan.work {
        Work::Closure(closure) => bootstrap::run(block, file, &plan.launch, prepare, closure),
        Work::Entry { arguments, .. } => {
            let descriptors = Cell::new(arguments.descriptors);
            bootstrap::run_entry(
                block,
                file,
                &plan.launch,
                prepare,
                &arguments.bytes,
                descriptors.take(),
            )
        }
    }
}
