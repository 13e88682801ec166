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
    ("rlock: unlock, one sleeps", rlock_for_a_sleeper),
    ("event: set, one sleeps", event_set),
    ("event: wait in vain, clear", event_wait),
    ("semaphore: first acquire, return", semaphore_first),
    ("semaphore: return, one sleeps", semaphore_return),
    ("semaphore: acquire in vain", semaphore_in_vain),
    ("condition: notify, one sleeps", condition_notify),
    ("condition: notify all, two sleep", condition_notify_all),
    ("condition: wait in vain", condition_wait),
    ("barrier: last to come", barrier_last),
    ("barrier: come and give up", barrier_first),
    ("rwlock: read, write", rwlock_both),
    ("rwlock: end of read, one sleeps", rwlock_read_for_a_writer),
    ("rwlock: end of write, two sleep", rwlock_write_for_others),
    ("rwlock: read in vain", rwlock_read_in_vain),
    ("rwlock: write in vain", rwlock_write_in_vain),
    ("once", once),
    ("once, one sleeps", once_for_a_sleeper),
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

fn rlock_for_a_sleeper() -> Scene {
    let lock = RLock::new().unwrap();
    let (theirs, sleepers, ours) = (lock.clone(), lock.clone(), lock.clone());
    Scene {
        memory: memory_of(&lock),
        victim: Box::new(move || {
            let outer = theirs.lock().unwrap();
            let inner = theirs.lock().unwrap();
            mark();
            drop(inner);
            drop(outer);
            mark();
        }),
        sleepers: vec![Box::new(move || {
            drop(sleepers.lock());
            true
        })],
        check: Box::new(move || news(ours.lock_timeout(WATCHDOG))),
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

fn condition_notify_all() -> Scene {
    let condition = Condition::new().unwrap();
    let [theirs, first, second, ours] = [(); 4].map(|()| condition.clone());
    Scene {
        memory: memory_of(&condition),
        victim: Box::new(move || {
            mark();
            theirs.lock().unwrap().notify_all();
            mark();
        }),
        sleepers: vec![Box::new(move || waits(&first)), Box::new(move || waits(&second))],
        check: Box::new(move || {
            // Both wait before the victim begins: with its notice, or with this one.
            match ours.lock_until(WATCHDOG) {
                Ok(guard) => {
                    guard.notify_all();
                    Ok("whole")
                }
                Err(LockError::OwnerDied(died)) => {
                    died.repaired().notify_all();
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

/// The lock after a death: it can be had for writing, and is as new when who has it says so.
fn writable(lock: &RwLock) -> Result<&'static str, String> {
    let found = match lock.write_until(WATCHDOG) {
        Ok(_) => "whole",
        Err(RwLockError::OwnerDied(died)) => {
            drop(died.repaired());
            "told"
        }
        Err(error) => return Err(error.to_string()),
    };
    match lock.try_write() {
        Ok(_) => Ok(found),
        Err(error) => Err(format!("after the repair: {error}")),
    }
}

/// A death in a read is no news.
fn whole(found: &'static str) -> Result<&'static str, String> {
    match found {
        "whole" => Ok(found),
        other => Err(format!("{other}, and nobody was writing")),
    }
}

/// A writer sleeps until the victim, which reads, has left or is dead.
fn rwlock_read_for_a_writer() -> Scene {
    let lock = RwLock::new().unwrap();
    let (theirs, sleepers, ours) = (lock.clone(), lock.clone(), lock.clone());
    Scene {
        memory: memory_of(&lock),
        victim: Box::new(move || {
            let guard = theirs.read().unwrap();
            mark();
            drop(guard);
            mark();
        }),
        sleepers: vec![Box::new(move || sleepers.write().is_ok())],
        check: Box::new(move || writable(&ours).and_then(whole)),
    }
}

/// A reader and a writer sleep until the victim has written, or are told of its death.
fn rwlock_write_for_others() -> Scene {
    let lock = RwLock::new().unwrap();
    let [theirs, reads, writes, ours] = [(); 4].map(|()| lock.clone());
    Scene {
        memory: memory_of(&lock),
        victim: Box::new(move || {
            let guard = theirs.write().unwrap();
            mark();
            drop(guard);
            mark();
        }),
        sleepers: vec![
            Box::new(move || matches!(reads.read(), Ok(_) | Err(RwLockError::OwnerDied(_)))),
            Box::new(move || {
                drop(writes.write());
                true
            }),
        ],
        check: Box::new(move || writable(&ours)),
    }
}

/// This process writes: the victim must leave nothing.
fn rwlock_read_in_vain() -> Scene {
    let lock = RwLock::new().unwrap();
    std::mem::forget(lock.write().unwrap());
    let (theirs, ours) = (lock.clone(), lock.clone());
    Scene {
        memory: memory_of(&lock),
        victim: Box::new(move || {
            mark();
            drop(theirs.read_until(A_MOMENT));
            mark();
        }),
        sleepers: vec![],
        check: Box::new(move || match ours.try_read() {
            Err(RwLockError::WouldBlock) => Ok("still held"),
            other => Err(format!("{:?}", other.map(drop))),
        }),
    }
}

/// This process reads: the victim waits with the exclusion in its hands, and leaves it to the next.
fn rwlock_write_in_vain() -> Scene {
    let lock = RwLock::new().unwrap();
    let guard = lock.read().unwrap();
    let (theirs, ours) = (lock.clone(), lock.clone());
    let guard = std::cell::RefCell::new(Some(guard));
    Scene {
        memory: memory_of(&lock),
        victim: Box::new(move || {
            mark();
            drop(theirs.write_until(A_MOMENT));
            mark();
        }),
        sleepers: vec![],
        check: Box::new(move || {
            drop(ours.read_until(WATCHDOG).map_err(|error| error.to_string())?);
            drop(guard.take());
            writable(&ours).and_then(whole)
        }),
    }
}

/// Another one waits while the victim works: it is done by the one or the other.
fn once_for_a_sleeper() -> Scene {
    let once = Once::new().unwrap();
    let (theirs, sleepers, ours) = (once.clone(), once.clone(), once.clone());
    Scene {
        memory: memory_of(&once),
        victim: Box::new(move || {
            theirs.call(|_| mark());
            mark();
        }),
        sleepers: vec![Box::new(move || {
            sleepers.call(|_| ());
            sleepers.is_done()
        })],
        check: Box::new(move || {
            ours.call_until(WATCHDOG, |_| ())
                .map_err(|error| error.to_string())?;
            if ours.is_done() {
                Ok("done")
            } else {
                Err("never done".to_owned())
            }
        }),
    }
}
