//! The operations that are swept: what the victim does, who sleeps meanwhile, and what must be true afterwards.

mod locks;
mod meetings;
mod shared_and_once;
mod signals;

use std::time::Duration;

use core_process::codec;
use grader::stepping::{self, Shared, WATCHDOG};
use serde::Serialize;
use sync::LockError;

/// As much of an object as can change: the words, the main mutex, the first slots of the ledger.
const LOOKED_AT: usize = 1024;

/// Long enough for a wait to sleep once.
const A_MOMENT: Duration = Duration::from_millis(1);

/// One run's objects and processes; as the harness's, whose end is of no interest here.
pub(crate) struct Scene {
    memory: Vec<Shared>,
    victim: Box<dyn Fn()>,
    sleepers: Vec<Box<dyn Fn() -> bool>>,
    check: Box<dyn Fn() -> Result<&'static str, String>>,
}

impl From<Scene> for stepping::Scene {
    fn from(scene: Scene) -> Self {
        Self {
            shared: scene.memory,
            victim: scene.victim,
            sleepers: scene.sleepers,
            check: scene.check,
            end: Box::new(|| Ok(())),
        }
    }
}

pub(crate) const SCENES: &[stepping::Named] = &[
    ("lock, unlock", || locks::lock_unlock().into()),
    ("unlock, one sleeps", || locks::unlock_for_a_sleeper().into()),
    ("lock that is held, in time", || locks::lock_in_vain().into()),
    ("rlock twice, unlock twice", || locks::rlock_twice().into()),
    ("rlock: unlock, one sleeps", || {
        locks::rlock_for_a_sleeper().into()
    }),
    ("event: set, one sleeps", || signals::event_set().into()),
    ("event: wait in vain, clear", || signals::event_wait().into()),
    ("semaphore: first acquire, return", || {
        signals::semaphore_first().into()
    }),
    ("semaphore: return, one sleeps", || {
        signals::semaphore_return().into()
    }),
    ("semaphore: acquire in vain", || {
        signals::semaphore_in_vain().into()
    }),
    ("condition: notify, one sleeps", || {
        meetings::condition_notify().into()
    }),
    ("condition: notify all, two sleep", || {
        meetings::condition_notify_all().into()
    }),
    ("condition: wait in vain", || meetings::condition_wait().into()),
    ("barrier: last to come", || meetings::barrier_last().into()),
    ("barrier: last to come, acts", || {
        meetings::barrier_last_acts().into()
    }),
    ("barrier: come and give up", || meetings::barrier_first().into()),
    ("rwlock: read, write", || shared_and_once::rwlock_both().into()),
    ("rwlock: end of read, one sleeps", || {
        shared_and_once::rwlock_read_for_a_writer().into()
    }),
    ("rwlock: end of write, two sleep", || {
        shared_and_once::rwlock_write_for_others().into()
    }),
    ("rwlock: read in vain", || {
        shared_and_once::rwlock_read_in_vain().into()
    }),
    ("rwlock: write in vain", || {
        shared_and_once::rwlock_write_in_vain().into()
    }),
    ("once", || shared_and_once::once().into()),
    ("once, one sleeps", || {
        shared_and_once::once_for_a_sleeper().into()
    }),
];

/// The memory of an object.
fn memory_of(object: &impl Serialize) -> Vec<Shared> {
    let sent = codec::encode(object).unwrap();
    let shared = |descriptor| Shared::new(descriptor, LOOKED_AT);
    sent.descriptors.into_iter().map(shared).collect()
}

fn news<G>(got: Result<G, LockError<G>>) -> Result<&'static str, String> {
    match got {
        Ok(_) => Ok("whole"),
        Err(LockError::OwnerDied(_)) => Ok("told"),
        Err(LockError::TimedOut | LockError::Stopped) => Err("the lock is not free".to_owned()),
    }
}
