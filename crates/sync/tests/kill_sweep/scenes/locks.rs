//! Locks that one process has at a time.

use sync::{Lock, LockError, RLock};

use super::{A_MOMENT, Scene, WATCHDOG, memory_of, news};
use grader::stepping::mark;

pub(crate) fn lock_unlock() -> Scene {
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

pub(crate) fn unlock_for_a_sleeper() -> Scene {
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
pub(crate) fn lock_in_vain() -> Scene {
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

pub(crate) fn rlock_twice() -> Scene {
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

pub(crate) fn rlock_for_a_sleeper() -> Scene {
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
