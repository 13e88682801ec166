//! The child's side: from the first line of `main` to its end, without coming back.
//!
//! Order, and what the parent sees if the child dies in it:
//!
//! 1. The launch is found by the environment's marker and a sealed descriptor. Death: `NeverInitialised`.
//! 2. The parent's death is watched for. From here on the child cannot outlive it.
//! 3. The block is claimed. Death from here on: the exit code or signal.
//! 4. Streams, environment and directory are set; the target runs; the outcome is published.
//! 5. The normal end of a process (`exit.rs`).

use std::cell::Cell;
use std::os::fd::{OwnedFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use super::outcome;
use super::{BlockFile, Launch, StartBlock, kept};
use crate::codec::Encoded;
use crate::probe::{self, Phase};
use crate::sys::clone::FIRST_DESCRIPTOR;
use crate::sys::image::main_image;
use crate::sys::parent_death::Handler;
use crate::sys::{call, inherited, parent_death, signals};
use crate::target::{self, Failure};
use crate::{authkey, current, exit, fork_hooks, registry, returns, thread};

/// The variable that tells a program that it was started as a child, and which descriptor is its block.
pub(crate) const MARKER: &str = "CORE_PROCESS_START";

static INITIALISED: AtomicBool = AtomicBool::new(false);

pub(crate) fn is_initialised() -> bool {
    INITIALISED.load(Ordering::Relaxed)
}

/// The first line of `main`. In the main process it returns at once; in a child it runs the child's target and ends the
/// process: what follows in `main` never happens there.
///
/// Children of `spawn` execute this same program again from its beginning, so what stands *before* this line runs in every
/// child, too: keep it empty. Without this line no process can be started
/// ([`StartError::NotInitialised`](crate::StartError::NotInitialised)); this is the counterpart of Python's
/// `if __name__ == '__main__'` (CPython row C13).
///
/// ```
/// fn main() {
///     core_process::init();
///     // Only the main process comes here.
///     assert!(core_process::is_main());
/// }
/// ```
pub fn init() {
    if !INITIALISED.swap(true, Ordering::Relaxed) {
        divert();
    }
}

/// [`init`] for a program that has no `main` of its own; see [`divert_before_main!`](crate::divert_before_main).
#[doc(hidden)]
pub extern "C" fn before_main() {
    if !INITIALISED.swap(true, Ordering::Relaxed) {
        signals::ignore_broken_pipe();
        divert();
    }
}

/// Returns in a process that this library did not start.
fn divert() {
    let Some(mut inherited) = inherited::take_marked(MARKER, FIRST_DESCRIPTOR) else {
        return;
    };
    let Ok(block) = StartBlock::open(&inherited.block) else {
        return;
    };
    let Some((launch, bytes)) = block.message() else {
        return;
    };
    let Ok(mut launch) = postcard::from_bytes::<Launch>(&launch) else {
        return;
    };
    if watches_parent(&launch) {
        parent_death::exit_unless_parent_is(block.header.parent);
    }
    let arguments = inherited::take_range(FIRST_DESCRIPTOR + 2, block.header.descriptors);
    if let Some(home) = inherited.home.take() {
        returns::keep_home(home.into());
    }
    current::describe_copy(&mut launch, block.header.parent);
    identify(&launch, block.header.parent, Handler::Another);
    run_entry(
        block,
        BlockFile::Own(inherited.block),
        &launch,
        || Ok(()),
        &bytes,
        arguments,
    )
}

/// In a forked child: nothing that belongs to the process it is a copy of is taken for its own.
///
/// This and what it calls is `inline`, so that it lies side by side in each caller's piece of the program: see `sys/call.rs`.
#[inline]
pub(crate) fn after_fork(launch: &Launch, block: &StartBlock, file: &BlockFile, handler: Handler) {
    kept::after_fork(file);
    registry::after_fork();
    exit::after_fork();
    thread::after_fork();
    returns::after_fork();
    super::forkserver::after_fork();
    signals::restore_interrupt();
    signals::unblock_all();
    identify(launch, block.header.parent, handler);
    fork_hooks::run();
}

/// A child that should watch and cannot is refused in [`run`].
#[inline]
fn watches_parent(launch: &Launch) -> bool {
    !launch.survives_parent && !parent_death::is_out_of_sight()
}

/// The child knows who it is, and ends with its parent.
#[inline]
fn identify(launch: &Launch, parent: u32, handler: Handler) {
    if watches_parent(launch) {
        parent_death::arm(parent, handler)
    } else {
        parent_death::disarm()
    }
    current::become_child();
    authkey::inherit(launch.authkey);
}

/// Runs the entry that the block names, with decoded arguments, and ends the process.
#[inline]
pub(crate) fn run_entry(
    block: StartBlock,
    file: BlockFile,
    launch: &Launch,
    prepare: impl FnOnce() -> Result<(), String>,
    bytes: &[u8],
    descriptors: Vec<OwnedFd>,
) -> ! {
    let (entry, build_id, expected) = (
        block.header.entry,
        block.header.build_id,
        block.header.descriptors,
    );
    let arrived = descriptors.len();
    let check = || {
        if build_id != main_image().build_id() {
            return Err("it is another build of the program than its parent".to_owned());
        }
        if arrived != expected as usize {
            return Err(format!("{expected} descriptors were sent and {arrived} arrived"));
        }
        prepare()
    };
    let descriptors = Cell::new(descriptors);
    run(block, file, launch, check, &|| match target::entry_at(entry) {
        Some(entry) => entry(bytes, descriptors.take()),
        None => Err(Failure::Argument(
            "the target's offset is not code of this program".to_owned(),
        )),
    })
}

/// Does the work of a child and ends the process.
#[inline]
pub(crate) fn run(
    block: StartBlock,
    file: BlockFile,
    launch: &Launch,
    prepare: impl FnOnce() -> Result<(), String>,
    work: &dyn Fn() -> Result<Encoded, Failure>,
) -> ! {
    let _no_way_back = exit::NoWayBack;
    if !block.claim() {
        // Two processes with one block: the other was first.
        exit::end_child(launch.method, exit::PANIC_CODE)
    }
    outcome::keep(block, file);
    let prepared = if !launch.survives_parent && parent_death::is_out_of_sight() {
        Err("it is in another PID namespace than its parent (unshare), whose death it cannot see: start it with \
             .on_parent_death(ParentDeath::Continue)"
            .to_owned())
    } else {
        prepare()
    };
    if let Err(why) = prepared {
        outcome::publish_setup_failure(&why);
        exit::end_child(launch.method, exit::PANIC_CODE)
    }
    outcome::watch_panics();
    let pid = u64::from(call::process_id());
    probe::emit("target", Phase::Begin, pid, 0, None);
    let result = catch_unwind(AssertUnwindSafe(work));
    probe::emit("target", Phase::End, pid, 0, None);
    let code = outcome::publish(result);
    exit::end_child(launch.method, code)
}

/// What `execve` does for a fresh program, done in a copy: streams, environment, directory.
#[inline]
pub(crate) fn enter(launch: &Launch, streams: [Option<RawFd>; 3]) -> Result<(), String> {
    inherited::place_streams(streams).map_err(|error| format!("its standard streams: {error}"))?;
    if launch.environment.is_some() || launch.current_dir.is_some() {
        settle(launch)?;
    }
    Ok(())
}

/// Environment and directory, where they are to be others than those of the process that forked.
#[cold]
fn settle(launch: &Launch) -> Result<(), String> {
    if let Some(variables) = &launch.environment {
        inherited::replace_environment(
            variables
                .iter()
                .map(|(name, value)| (name.as_os_str(), value.as_os_str())),
        );
    }
    if let Some(dir) = &launch.current_dir {
        std::env::set_current_dir(dir.as_os_str())
            .map_err(|error| format!("its working directory {}: {error}", dir.as_os_str().display()))?;
    }
    Ok(())
}
