//! Locks that readers share, and what is done once.

use sync::{Once, RwLock, RwLockError};

use super::{A_MOMENT, Scene, WATCHDOG, memory_of};
use grader::stepping::mark;

pub(crate) fn rwlock_both() -> Scene {
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

pub(crate) fn once() -> Scene {
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
pub(crate) fn rwlock_read_for_a_writer() -> Scene {
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
pub(crate) fn rwlock_write_for_others() -> Scene {
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
pub(crate) fn rwlock_read_in_vain() -> Scene {
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
pub(crate) fn rwlock_write_in_vain() -> Scene {
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
pub(crate) fn once_for_a_sleeper() -> Scene {
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
