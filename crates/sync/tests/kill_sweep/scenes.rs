//! The operations that are swept: what the victim does, who sleeps meanwhile, and what must be true afterwards.

mod locks;
mod meetings;
mod shared_and_once;
mod signals;

use std::time::Duration;

use core_process::codec;
use core_process::shm::Segment;
use serde::Serialize;
use sync::LockError;

/// Far longer than anything here; what reaches it has failed.
pub(crate) const WATCHDOG: Duration = Duration::from_secs(20);

/// Long enough for a wait to sleep once.
const A_MOMENT: Duration = Duration::from_millis(1);

/// One run's objects and processes.
pub(crate) struct Scene {
    /// Where the objects are.
    pub(crate) memory: Vec<Segment>,
    /// Marks the beginning and the end of the operation.
    pub(crate) victim: Box<dyn Fn()>,
    /// Sleep when the operation begins, without a deadline, which would look once more at its end; say whether they woke as they should.
    pub(crate) sleepers: Vec<Box<dyn Fn() -> bool>>,
    /// After the kill: uses the object; the outcome in words, or what is wrong.
    pub(crate) check: Box<dyn Fn() -> Result<&'static str, String>>,
}

/// A scene and its name in the table.
pub(crate) type Named = (&'static str, fn() -> Scene);

pub(crate) const SCENES: &[Named] = &[
    ("lock, unlock", locks::lock_unlock),
    ("unlock, one sleeps", locks::unlock_for_a_sleeper),
    ("lock that is held, in time", locks::lock_in_vain),
    ("rlock twice, unlock twice", locks::rlock_twice),
    ("rlock: unlock, one sleeps", locks::rlock_for_a_sleeper),
    ("event: set, one sleeps", signals::event_set),
    ("event: wait in vain, clear", signals::event_wait),
    ("semaphore: first acquire, return", signals::semaphore_first),
    ("semaphore: return, one sleeps", signals::semaphore_return),
    ("semaphore: acquire in vain", signals::semaphore_in_vain),
    ("condition: notify, one sleeps", meetings::condition_notify),
    ("condition: notify all, two sleep", meetings::condition_notify_all),
    ("condition: wait in vain", meetings::condition_wait),
    ("barrier: last to come", meetings::barrier_last),
    ("barrier: last to come, acts", meetings::barrier_last_acts),
    ("barrier: come and give up", meetings::barrier_first),
    ("rwlock: read, write", shared_and_once::rwlock_both),
    (
        "rwlock: end of read, one sleeps",
        shared_and_once::rwlock_read_for_a_writer,
    ),
    (
        "rwlock: end of write, two sleep",
        shared_and_once::rwlock_write_for_others,
    ),
    ("rwlock: read in vain", shared_and_once::rwlock_read_in_vain),
    ("rwlock: write in vain", shared_and_once::rwlock_write_in_vain),
    ("once", shared_and_once::once),
    ("once, one sleeps", shared_and_once::once_for_a_sleeper),
];

/// The memory of an object.
fn memory_of(object: &impl Serialize) -> Vec<Segment> {
    let sent = codec::encode(object).unwrap();
    sent.descriptors
        .into_iter()
        .map(|descriptor| {
            let len = std::fs::File::from(descriptor.try_clone().unwrap())
                .metadata()
                .unwrap()
                .len();
            Segment::open(descriptor, len as usize).unwrap()
        })
        .collect()
}

fn news<G>(got: Result<G, LockError<G>>) -> Result<&'static str, String> {
    match got {
        Ok(_) => Ok("whole"),
        Err(LockError::OwnerDied(_)) => Ok("told"),
        Err(LockError::TimedOut | LockError::Stopped) => Err("the lock is not free".to_owned()),
    }
}
