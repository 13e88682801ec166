//! The operations that are swept: what the victim does, who sleeps meanwhile, and what must be true afterwards.

use std::time::Duration;

use core_process::codec;
use core_process::shm::Segment;
use serde::Serialize;
use sync::{
    Barrier, BarrierError, Condition, ConditionError, Event, Lock, LockError, Once, OwnerDied, RLock, RwLock,
    RwLockError, Semaphore,
};

use crate::victim::mark;

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
    ("lock, unlock", lock_unlock),
    ("unlock, one sleeps", unlock_for_a_sleeper),
    ("lock that is held, in time", lock_in_vain),
    ("rlock twice, unlock twice", rlock_twice),
    ("event: set, one sleeps", event_set),
    ("event: wait in vain, clear", event_wait),
    ("semaphore: first acquire, return", semaphore_first),
    ("semaphore: return, one sleeps", semaphore_return),
    ("semaphore: acquire in vain", semaphore_in_vain),
    ("condition: notify, one sleeps", condition_notify),
    ("condition: wait in vain", condition_wait),
    ("barrier: last to come", barrier_last),
    ("barrier: come and give up", barrier_first),
    ("rwlock: read, write", rwlock_both),
    ("once", once),
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

fn lock_unlock() -> Scene {
    let lock = Lock::new().unwrap();
    let (theirs, ours) = (lock.clone(), lock.clone());
    Scene {
        memory: memory_of(&lock),
        victim: Box::new(move || {
            mark();
            drop(theirs.lock().unwrap());
            mark();
        }),
        sleepers: vec![],
        check: Box::new(move || {
            let found = news(ours.lock_timeout(WATCHDOG))?;
            match ours.lock_timeout(WATCHDOG) {
                Err(LockError::OwnerDied(died)) => drop(died.repaired()),
                other => drop(other),
            }
            match ours.try_lock() {
                Ok(_) => Ok(found),
                Err(error) => Err(format!("after the repair: {error}")),
            }
        }),
    }
}

fn unlock_for_a_sleeper() -> Scene {
    let lock = Lock::new().unwrap();
    let (theirs, sleepers, ours) = (lock.clone(), lock.clone(), lock.clone());
    Scene {
        memory: memory_of(&lock),
        victim: Box::new(move || {
            let guard = theirs.lock().unwrap();
            mark();
            drop(guard);
            mark();
        }),
        sleepers: vec![Box::new(move || {
            drop(sleepers.lock());
            true
        })],
        check: Box::new(move || news(ours.lock_timeout(WATCHDOG))),
    }
}

/// The lock is this process's: the victim must leave nothing at all.
fn lock_in_vain() -> Scene {
    let lock = Lock::new().unwrap();
    std::mem::forget(lock.lock().unwrap());
    let (theirs, ours) = (lock.clone(), lock.clone());
    Scene {
        memory: memory_of(&lock),
        victim: Box::new(move || {
            mark();
            drop(theirs.lock_timeout(A_MOMENT));
            mark();
        }),
        sleepers: vec![],
        check: Box::new(move || match ours.try_lock() {
            Err(sync::TryLockError::WouldBlock) => Ok("still held"),
            other => Err(format!("{other:?}")),
        }),
    }
}

fn rlock_twice() -> Scene {
    let lock = RLock::new().unwrap();
    let (theirs, ours) = (lock.clone(), lock.clone());
    Scene {
        memory: memory_of(&lock),
        victim: Box::new(move || {
            mark();
            let outer = theirs.lock().unwrap();
            drop(theirs.lock().unwrap());
            drop(outer);
            mark();
        }),
        sleepers: vec![],
        check: Box::new(move || {
            let (found, depth) = match ours.lock_timeout(WATCHDOG) {
                Ok(guard) => ("whole", guard.depth()),
                Err(LockError::OwnerDied(died)) => ("told", died.repaired().depth()),
                Err(error) => return Err(error.to_string()),
            };
            if depth == 1 {
                Ok(found)
            } else {
                Err(format!("the depth is {depth}"))
            }
        }),
    }
}

fn event_set() -> Scene {
    let event = Event::new().unwrap();
    let (theirs, sleepers, ours) = (event.clone(), event.clone(), event.clone());
    Scene {
        memory: memory_of(&event),
        victim: Box::new(move || {
            mark();
            theirs.set();
            mark();
        }),
        sleepers: vec![Box::new(move || {
            sleepers.wait();
            true
        })],
        check: Box::new(move || {
            if ours.is_set() {
                return Ok("set");
            }
            ours.set();
            Ok("not yet set")
        }),
    }
}

fn event_wait() -> Scene {
    let event = Event::new().unwrap();
    let (theirs, sleepers, ours) = (event.clone(), event.clone(), event.clone());
    Scene {
        memory: memory_of(&event),
        victim: Box::new(move || {
            mark();
            drop(theirs.wait_timeout(A_MOMENT));
            theirs.clear();
            mark();
        }),
        sleepers: vec![Box::new(move || {
            sleepers.wait();
            true
        })],
        check: Box::new(move || {
            ours.set();
            ours.clear();
            Ok("pulse")
        }),
    }
}

fn all_free(semaphore: &Semaphore, permits: u32) -> Result<&'static str, String> {
    let free = semaphore.available();
    if free != permits {
        return Err(format!("{free} permits are free, of {permits}"));
    }
    Ok("all permits are there")
}

fn semaphore_first() -> Scene {
    let semaphore = Semaphore::new(2).unwrap();
    let (theirs, ours) = (semaphore.clone(), semaphore.clone());
    Scene {
        memory: memory_of(&semaphore),
        victim: Box::new(move || {
            mark();
            drop(theirs.acquire().unwrap());
            mark();
        }),
        sleepers: vec![],
        check: Box::new(move || {
            // Others come by first.
            drop(
                ours.acquire_timeout(WATCHDOG)
                    .map_err(|error| error.to_string())?,
            );
            all_free(&ours, 2)
        }),
    }
}

fn semaphore_return() -> Scene {
    let semaphore = Semaphore::new(1).unwrap();
    let (theirs, sleepers, ours) = (semaphore.clone(), semaphore.clone(), semaphore.clone());
    Scene {
        memory: memory_of(&semaphore),
        victim: Box::new(move || {
            let permit = theirs.acquire().unwrap();
            mark();
            drop(permit);
            mark();
        }),
        sleepers: vec![Box::new(move || sleepers.acquire().is_ok())],
        check: Box::new(move || {
            drop(
                ours.acquire_timeout(WATCHDOG)
                    .map_err(|error| error.to_string())?,
            );
            Ok("acquired")
        }),
    }
}

fn semaphore_in_vain() -> Scene {
    let semaphore = Semaphore::new(0).unwrap();
    let (theirs, sleepers, ours) = (semaphore.clone(), semaphore.clone(), semaphore.clone());
    Scene {
        memory: memory_of(&semaphore),
        victim: Box::new(move || {
            mark();
            drop(theirs.acquire_timeout(A_MOMENT));
            mark();
        }),
        sleepers: vec![Box::new(move || {
            sleepers
                .acquire_timeout(WATCHDOG)
                .map(sync::Permit::forget)
                .is_ok()
        })],
        check: Box::new(move || {
            ours.release().map_err(|error| error.to_string())?;
            Ok("a token for the sleeper")
        }),
    }
}

fn waits(condition: &Condition) -> bool {
    let mut guard = condition.lock().unwrap_or_else(OwnerDied::into_guard);
    matches!(guard.wait(), Ok(()) | Err(ConditionError::OwnerDied { .. }))
}

fn condition_notify() -> Scene {
    let condition = Condition::new().unwrap();
    let (theirs, sleepers, ours) = (condition.clone(), condition.clone(), condition.clone());
    Scene {
        memory: memory_of(&condition),
        victim: Box::new(move || {
            mark();
            theirs.lock().unwrap().notify_one();
            mark();
        }),
        sleepers: vec![Box::new(move || waits(&sleepers))],
        check: Box::new(move || {
            // Whether the victim's notice was given or not: one more does no harm.
            match ours.lock_until(WATCHDOG) {
                Ok(guard) => {
                    guard.notify_all();
                    Ok("whole")
                }
                Err(LockError::OwnerDied(died)) => {
                    died.guard().notify_all();
                    Ok("told")
                }
                Err(error) => Err(error.to_string()),
            }
        }),
    }
}

fn condition_wait() -> Scene {
    let condition = Condition::new().unwrap();
    let (theirs, sleepers, ours) = (condition.clone(), condition.clone(), condition.clone());
    Scene {
        memory: memory_of(&condition),
        victim: Box::new(move || {
            let mut guard = theirs.lock().unwrap();
            mark();
            drop(guard.wait_timeout(A_MOMENT));
            mark();
        }),
        // It comes when the victim waits or has died: till then it sleeps for the lock.
        sleepers: vec![Box::new(move || waits(&sleepers))],
        check: Box::new(move || {
            let begin = std::time::Instant::now();
            loop {
                let guard = match ours.lock_until(WATCHDOG) {
                    Ok(guard) => guard,
                    Err(LockError::OwnerDied(died)) => died.repaired(),
                    Err(error) => return Err(error.to_string()),
                };
                // One notice, and one waiter that lives: it is not lost on the dead one.
                match guard.waiting() {
                    0 if begin.elapsed() > WATCHDOG => return Err("the sleeper never waits".to_owned()),
                    0 => {}
                    1 => {
                        guard.notify_one();
                        return Ok("one notice for the living");
                    }
                    more => return Err(format!("{more} wait")),
                }
                drop(guard);
                std::thread::yield_now();
            }
        }),
    }
}

fn met(outcome: Result<u32, BarrierError>) -> bool {
    matches!(outcome, Ok(_) | Err(BarrierError::Broken))
}

fn barrier_last() -> Scene {
    let barrier = Barrier::new(2).unwrap();
    let (theirs, sleepers, ours) = (barrier.clone(), barrier.clone(), barrier.clone());
    Scene {
        memory: memory_of(&barrier),
        victim: Box::new(move || {
            mark();
            drop(theirs.wait_timeout(WATCHDOG));
            mark();
        }),
        sleepers: vec![Box::new(move || met(sleepers.wait()))],
        check: Box::new(move || {
            // Killed before it was a party: the sleeper still waits for somebody, and this process comes.
            match ours.try_wait() {
                Ok(_) => Ok("met without the victim"),
                Err(BarrierError::Broken) => Ok("broken"),
                Err(BarrierError::WouldBlock) => Ok("met"),
                Err(error) => Err(error.to_string()),
            }
        }),
    }
}

fn barrier_first() -> Scene {
    let barrier = Barrier::new(2).unwrap();
    let (theirs, ours) = (barrier.clone(), barrier.clone());
    Scene {
        memory: memory_of(&barrier),
        victim: Box::new(move || {
            mark();
            drop(theirs.wait_timeout(A_MOMENT));
            mark();
        }),
        sleepers: vec![],
        check: Box::new(move || {
            let found = if ours.is_broken() { "broken" } else { "never came" };
            ours.reset();
            match (ours.is_broken(), ours.waiting()) {
                (false, 0) => Ok(found),
                other => Err(format!("after a reset: broken, waiting = {other:?}")),
            }
        }),
    }
}

fn rwlock_both() -> Scene {
    let lock = RwLock::new().unwrap();
    let (theirs, ours) = (lock.clone(), lock.clone());
    Scene {
        memory: memory_of(&lock),
        victim: Box::new(move || {
            mark();
            drop(theirs.read().unwrap());
            drop(theirs.write().unwrap());
            mark();
        }),
        sleepers: vec![],
        check: Box::new(move || {
            let found = match ours.write_until(WATCHDOG) {
                Ok(_) => "whole",
                Err(RwLockError::OwnerDied(died)) => {
                    drop(died.repaired());
                    "told"
                }
                Err(error) => return Err(error.to_string()),
            };
            match ours.try_write() {
                Ok(_) => Ok(found),
                Err(error) => Err(format!("after the repair: {error}")),
            }
        }),
    }
}

fn once() -> Scene {
    let once = Once::new().unwrap();
    let (theirs, ours) = (once.clone(), once.clone());
    Scene {
        memory: memory_of(&once),
        victim: Box::new(move || {
            mark();
            theirs.call(|_| ());
            mark();
        }),
        sleepers: vec![],
        check: Box::new(move || {
            let found = if ours.is_done() { "done" } else { "done again" };
            ours.call_until(WATCHDOG, |_| ())
                .map_err(|error| error.to_string())?;
            if ours.is_done() {
                Ok(found)
            } else {
                Err("never done".to_owned())
            }
        }),
    }
}
