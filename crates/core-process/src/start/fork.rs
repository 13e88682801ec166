//! `fork`: a copy of this process, which has one thread.

use std::io::{self, Write};

use super::outcome::CopysHook;
use super::take_all;
use super::{BlockFile, Plan, StartBlock, Started, Work, bootstrap, go, no_process};
use crate::StartError;
use crate::current;
use crate::exit::NoWayBack;
use crate::sys::parent_death::Handler;
use crate::sys::{self, parent_death, pidfd, signals, threads};

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
    let handler = parent_death::prepare();
    current::describe_copy(&mut plan.launch, block.header.parent);
    let hook = CopysHook::set();
    // The child unblocks all, after it has its own dispositions.
    let mask = signals::hold_interrupt();
    let forked = sys::fork::fork();
    if !matches!(forked, Ok(sys::fork::Forked::Child)) {
        signals::restore_mask(mask);
        hook.take_back();
        current::copy_is_made();
    }
    match forked.map_err(no_process)? {
        sys::fork::Forked::Child => {
            if must_wait {
                go::wait(&block);
            }
            become_child(&mut plan, block, file, handler)
        }
        sys::fork::Forked::Parent { pid } => {
            // Closes the file first, so that its number is free for the pidfd: a descriptor is lacking only where
            // another process lowers our limit now.
            drop(file);
            let pidfd = pidfd::adopt(pid).map_err(no_process)?;
            if must_wait {
                go::give(&block);
            }
            Ok((Started { pid, pidfd }, block))
        }
    }
}

/// In the child: its descriptors are the parent's, copied under the same numbers.
/// The plan is used where it lies: to move it would be a call into one more page of the C library.
#[inline]
fn become_child(plan: &mut Plan<'_>, block: StartBlock, file: BlockFile, handler: Handler) -> ! {
    let _no_way_back = NoWayBack;
    bootstrap::after_fork(&plan.launch, &block, &file, handler);
    let streams = plan.stream_sources();
    let launch = &plan.launch;
    let prepare = || bootstrap::enter(launch, streams);
    match &mut plan.work {
        Work::Closure(closure) => bootstrap::run(block, file, launch, prepare, closure),
        Work::Entry { arguments, .. } => {
            let descriptors = take_all(&mut arguments.descriptors);
            bootstrap::run_entry(block, file, launch, prepare, &arguments.bytes, descriptors)
        }
    }
}
