//! What a child leaves for its parent: a value, a panic, or why there is neither.
//!
//! Invariant: one outcome is published, whole, before the process begins its normal end. A panic that aborts
//! (`panic = "abort"`) is published by the panic hook, the last of our code that runs then.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::RefCell;
use std::io::Write;
use std::mem::{ManuallyDrop, forget};
use std::os::fd::{AsFd, AsRawFd};
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};

use super::{BlockFile, StartBlock, State};
use crate::child::PanicRecord;
use crate::codec::Encoded;
use crate::exit::PANIC_CODE;
use crate::handle::lock;
use crate::sys::{call, inherited};
use crate::target::Failure;
use crate::{codec, returns};

/// What is taken out is left to the end of the process, which unmaps and closes at less cost.
static BLOCK: Mutex<Option<ManuallyDrop<Claimed>>> = Mutex::new(None);

struct Claimed {
    block: StartBlock,
    file: BlockFile,
    /// This process. A copy of it (a plain `fork`) has the block too, which may be another child's by the time that the copy ends.
    by: u32,
}

/// The block, for the only outcome; `None` where there was one, and in a copy of the child.
#[inline]
fn take_block() -> Option<ManuallyDrop<Claimed>> {
    let mut block = lock(&BLOCK);
    let is_ours = block
        .as_ref()
        .is_some_and(|claimed| claimed.by == call::process_id());
    if is_ours { block.take() } else { None }
}

thread_local! {
    /// The last panic of this thread: the hook sees where it happened, the catcher does not.
    static LAST_PANIC: RefCell<Option<PanicRecord>> = const { RefCell::new(None) };
}

/// Holds the block until the outcome is known.
#[inline]
pub(super) fn keep(block: StartBlock, file: BlockFile) {
    let by = call::process_id();
    let before = lock(&BLOCK).replace(ManuallyDrop::new(Claimed { block, file, by }));
    // A copy of a child that had one: this process has nothing to do with that, nor with its memory.
    if let Some(before) = before {
        inherited::close(before.file.as_fd().as_raw_fd());
    }
}

/// The hook that was there before ours, which still prints the panic. It stands here, and not in our hook, so that a child
/// allocates nothing to set that.
static BEFORE: RwLock<Option<Hook>> = RwLock::new(None);

type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>;

/// Whether this process has our hook.
static WATCHING: AtomicBool = AtomicBool::new(false);

/// Has panics name the process they happen in, and remembers them.
#[inline]
pub(super) fn watch_panics() {
    if !WATCHING.load(Ordering::Relaxed) {
        WATCHING.store(true, Ordering::Relaxed);
        set_hook();
    }
}

/// The hook of a copy that is about to be made: set before, since it costs the copy more, and taken back by whoever made it.
pub(super) struct CopysHook {
    is_ours: bool,
}

impl CopysHook {
    pub(super) fn set() -> Self {
        let is_ours = !WATCHING.load(Ordering::Relaxed);
        watch_panics();
        Self { is_ours }
    }

    /// In the process that was copied, whose only thread this is.
    pub(super) fn take_back(self) {
        if self.is_ours {
            drop(std::panic::take_hook());
            let before = BEFORE.write().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(before) = before {
                std::panic::set_hook(before);
            }
            WATCHING.store(false, Ordering::Relaxed);
        }
    }
}

fn set_hook() {
    *BEFORE.write().unwrap_or_else(PoisonError::into_inner) = Some(std::panic::take_hook());
    std::panic::set_hook(Box::new(|info| {
        let me = crate::current();
        // Not `eprint`, which panics where nobody reads.
        let _ = write!(std::io::stderr(), "process {:?} (pid {}): ", me.name, me.pid);
        if let Some(before) = &*BEFORE.read().unwrap_or_else(PoisonError::into_inner) {
            before(info);
        }
        let record = record(info);
        if cfg!(panic = "abort") && crate::thread::is_main() {
            publish_panic(&record);
        }
        // A hook at the end of the process comes after the thread's values were dropped; nobody asks for its panic.
        let _ = LAST_PANIC.try_with(|last| last.replace(Some(record)));
    }));
}

fn record(info: &PanicHookInfo<'_>) -> PanicRecord {
    let backtrace = Backtrace::capture();
    PanicRecord {
        message: message_of(info.payload()),
        location: info.location().map(ToString::to_string),
        backtrace: match backtrace.status() {
            BacktraceStatus::Captured => backtrace.to_string(),
            _ => String::new(),
        },
    }
}

fn message_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic with a value that is no text".to_owned())
}

/// Publishes the outcome of the target; returns the exit code that goes with it.
#[inline]
pub(super) fn publish(result: std::thread::Result<Result<Encoded, Failure>>) -> i32 {
    match result {
        Ok(Ok(value)) => publish_value(value),
        Ok(Err(Failure::Argument(why))) => {
            report("its arguments did not arrive", &why);
            publish_text(State::ArgumentFailed, &why)
        }
        Ok(Err(Failure::Result(why))) => {
            report("its result cannot be sent", &why);
            publish_text(State::ResultFailed, &why)
        }
        Err(payload) => {
            let message = message_of(&*payload);
            // Another message: the hook was not called (`resume_unwind`), and what it left is of an earlier panic.
            let record = LAST_PANIC.take().filter(|record| record.message == message);
            let record = record.unwrap_or_else(|| PanicRecord {
                message,
                ..PanicRecord::default()
            });
            publish_panic(&record)
        }
    }
}

pub(super) fn publish_setup_failure(why: &str) {
    report("it could not be set up", why);
    publish_text(State::SetupFailed, why);
}

fn report(what: &str, why: &str) {
    let me = crate::current();
    let _ = writeln!(
        std::io::stderr(),
        "process {} (pid {}): {what}: {why}",
        me.name,
        me.pid
    );
}

#[inline]
fn publish_value(value: Encoded) -> i32 {
    let Some(mut claimed) = take_block() else {
        return PANIC_CODE;
    };
    let Claimed { block, file, .. } = &mut *claimed;
    // Descriptors first: once the value is published, the parent looks for them.
    if !value.descriptors.is_empty()
        && let Err(error) = returns::send(block.header.token, &value.descriptors)
    {
        let why = format!("its descriptors: {error}");
        report("its result cannot be sent", &why);
        let _ = block.publish(file.as_fd(), State::ResultFailed, why.as_bytes(), 0);
        return PANIC_CODE;
    }
    match block.publish(
        file.as_fd(),
        State::Returned,
        &value.bytes,
        value.descriptors.len() as u32,
    ) {
        Ok(()) => {
            if value.descriptors.is_empty() {
                // The end of the process frees it at less cost.
                forget(value);
            }
            0
        }
        Err(error) => {
            let why = format!("no memory for its {} bytes: {error}", value.bytes.len());
            report("its result cannot be sent", &why);
            let _ = block.publish(file.as_fd(), State::ResultFailed, why.as_bytes(), 0);
            PANIC_CODE
        }
    }
}

fn publish_panic(record: &PanicRecord) -> i32 {
    let Some(mut claimed) = take_block() else {
        return PANIC_CODE;
    };
    let Claimed { block, file, .. } = &mut *claimed;
    let whole = codec::encode(record).is_ok_and(|record| {
        block
            .publish(file.as_fd(), State::Panicked, &record.bytes, 0)
            .is_ok()
    });
    if !whole {
        // No memory for it: the page that is there already takes a short one.
        let short = PanicRecord {
            message: record.message.chars().take(256).collect(),
            ..PanicRecord::default()
        };
        if let Ok(short) = codec::encode(&short) {
            let _ = block.publish(file.as_fd(), State::Panicked, &short.bytes, 0);
        }
    }
    PANIC_CODE
}

fn publish_text(state: State, text: &str) -> i32 {
    if let Some(mut claimed) = take_block() {
        let Claimed { block, file, .. } = &mut *claimed;
        let short = &text.as_bytes()[..text.len().min(3000)];
        let _ = block.publish(file.as_fd(), state, short, 0);
    }
    PANIC_CODE
}
