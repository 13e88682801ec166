//! Events and semaphores.

use sync::{Event, Semaphore};

use super::{A_MOMENT, Scene, WATCHDOG, memory_of};
use grader::stepping::mark;

pub(crate) fn event_set() -> Scene {
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

pub(crate) fn event_wait() -> Scene {
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

pub(crate) fn semaphore_first() -> Scene {
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

pub(crate) fn semaphore_return() -> Scene {
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

pub(crate) fn semaphore_in_vain() -> Scene {
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
