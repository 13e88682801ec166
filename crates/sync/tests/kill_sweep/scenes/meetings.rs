//! Conditions and barriers.

use sync::{Barrier, BarrierError, Condition, ConditionError, LockError, OwnerDied};

use super::{A_MOMENT, Scene, WATCHDOG, memory_of};
use grader::stepping::mark;

fn waits(condition: &Condition) -> bool {
    let mut guard = condition.lock().unwrap_or_else(OwnerDied::into_guard);
    matches!(guard.wait(), Ok(()) | Err(ConditionError::OwnerDied { .. }))
}

pub(crate) fn condition_notify() -> Scene {
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

pub(crate) fn condition_notify_all() -> Scene {
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

pub(crate) fn condition_wait() -> Scene {
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

pub(crate) fn barrier_last() -> Scene {
    last_to_come(|barrier| barrier.wait_timeout(WATCHDOG))
}

/// Between its coming and the opening of the round it acts: a death there must break the round.
pub(crate) fn barrier_last_acts() -> Scene {
    last_to_come(|barrier| barrier.wait_with(|| {}))
}

fn last_to_come(come: fn(&Barrier) -> Result<u32, BarrierError>) -> Scene {
    let barrier = Barrier::new(2).unwrap();
    let (theirs, sleepers, ours) = (barrier.clone(), barrier.clone(), barrier.clone());
    Scene {
        memory: memory_of(&barrier),
        victim: Box::new(move || {
            mark();
            drop(come(&theirs));
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

pub(crate) fn barrier_first() -> Scene {
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
