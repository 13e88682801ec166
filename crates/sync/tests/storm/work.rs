//! What each process of a storm does with the object, and the promises that it checks meanwhile.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sync::{
    Barrier, BarrierError, Condition, ConditionError, ConditionGuard, Event, Lock, OwnerDied, RLock, RwLock,
    RwLockError, Semaphore,
};

use crate::notes::{
    DONE, FIRST, INSIDE, KILLS, Notes, PERMITS, PROCESSES, ROOM, ROUNDS, ROUNDS_KEPT, SECOND, STOCK, TOLD,
    UNSETTLED, WRITER,
};

#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Subject {
    Lock(Lock),
    RLock(RLock),
    Semaphore(Semaphore),
    Condition(Condition),
    Event(Event),
    Barrier(Barrier),
    RwLock(RwLock),
}

/// A process: uses the object until the storm is over.
pub(crate) fn work(subject: Subject, notes: Notes, me: usize) {
    let done = notes.word(DONE + 4 * me);
    let mut round = 0;
    while !notes.is_over() {
        match &subject {
            Subject::Lock(lock) => {
                let (_guard, is_told) = match lock.lock() {
                    Ok(guard) => (guard, false),
                    Err(died) => (repair(&notes, died, OwnerDied::repaired), true),
                };
                hold(&notes, me, is_told);
            }
            Subject::RLock(lock) => {
                let (_guard, is_told) = match lock.lock() {
                    Ok(guard) => (guard, false),
                    Err(died) => (repair(&notes, died, OwnerDied::repaired), true),
                };
                let _again = lock.lock().unwrap();
                hold(&notes, me, is_told);
            }
            Subject::Semaphore(semaphore) => {
                let _permit = semaphore.acquire().unwrap();
                notes.enter(me, PERMITS);
                std::thread::yield_now();
                notes.leave(me);
            }
            Subject::Condition(condition) if me.is_multiple_of(2) => put(condition, &notes),
            Subject::Condition(condition) => take(condition, &notes),
            Subject::Event(event) if me < 2 => {
                event.set();
                event.clear();
                // The others fall asleep meanwhile.
                std::thread::sleep(Duration::from_micros(50));
            }
            Subject::Event(event) => event.wait(),
            Subject::Barrier(barrier) => meet(barrier, &notes, me, &mut round),
            Subject::RwLock(lock) if me < 2 => write(lock, &notes),
            Subject::RwLock(lock) => read(lock, &notes, me),
        }
        done.fetch_add(1, SeqCst);
    }
}

/// The next owner's work after a death: what the two words count is made one again.
fn repair<G>(notes: &Notes, died: OwnerDied<G>, repaired: fn(OwnerDied<G>) -> G) -> G {
    notes.add(TOLD);
    let first = notes.value(FIRST);
    notes.word(SECOND).store(first, SeqCst);
    repaired(died)
}

/// Alone, as long as the lock is held: `FIRST` and `SECOND` differ only while somebody is between the two.
fn hold(notes: &Notes, me: usize, is_told: bool) {
    exclusive(notes, is_told);
    notes.enter(me, 1);
    let first = notes.value(FIRST);
    notes.word(FIRST).store(first.wrapping_add(1), SeqCst);
    if first.is_multiple_of(16) {
        std::thread::yield_now();
    }
    notes.word(SECOND).store(first.wrapping_add(1), SeqCst);
    notes.leave(me);
}

pub(crate) fn exclusive(notes: &Notes, is_told: bool) {
    if !is_told && notes.value(FIRST) != notes.value(SECOND) {
        notes.violated("two are inside, or a death inside was not told");
    }
}

/// The stock is what was put less what was taken. After a death whoever is told counts anew, and tells all.
fn restock(notes: &Notes, guard: &ConditionGuard<'_>) {
    notes.add(TOLD);
    let stock = notes.value(FIRST).wrapping_sub(notes.value(SECOND));
    notes.word(STOCK).store(stock, SeqCst);
    guard.repaired();
    guard.notify_all();
}

/// Waits, without a deadline, until there is stock, or room; false when the storm is over.
fn stocked<'a>(
    condition: &'a Condition,
    notes: &Notes,
    is_ready: impl Fn(u32) -> bool,
) -> Option<ConditionGuard<'a>> {
    let mut guard = match condition.lock() {
        Ok(guard) => guard,
        Err(died) => {
            let guard = died.repaired();
            restock(notes, &guard);
            guard
        }
    };
    loop {
        let counted = notes.value(FIRST).wrapping_sub(notes.value(SECOND));
        if notes.value(STOCK) != counted || counted > ROOM {
            notes.violated("the stock is not what was put less what was taken, and nobody said so");
        }
        if notes.is_over() {
            return None;
        }
        if is_ready(counted) {
            return Some(guard);
        }
        match guard.wait() {
            Ok(()) => {}
            Err(ConditionError::OwnerDied { .. }) => restock(notes, &guard),
            Err(other) => panic!("{other}"),
        }
    }
}

fn put(condition: &Condition, notes: &Notes) {
    if let Some(guard) = stocked(condition, notes, |stock| stock < ROOM) {
        notes.add(STOCK);
        notes.add(FIRST);
        guard.notify_all();
    }
}

fn take(condition: &Condition, notes: &Notes) {
    if let Some(guard) = stocked(condition, notes, |stock| stock > 0) {
        notes.word(STOCK).fetch_sub(1, SeqCst);
        notes.add(SECOND);
        guard.notify_all();
    }
}

/// All meet; process 0 resets what a death has broken.
fn meet(barrier: &Barrier, notes: &Notes, me: usize, last: &mut u32) {
    let acted = || {
        // By one alone, before any goes on: the mask of the next round's places is empty.
        let round = notes.value(FIRST).wrapping_add(1);
        notes
            .word(ROUNDS + 4 * (round % ROUNDS_KEPT) as usize)
            .store(0, SeqCst);
        notes.add(FIRST);
    };
    match barrier.wait_with(acted) {
        Ok(place) => {
            // The next round needs this process, so the number stands until it comes again.
            let round = notes.value(FIRST);
            let mask = notes.word(ROUNDS + 4 * (round % ROUNDS_KEPT) as usize);
            if round == *last {
                notes.violated("it passed before the action was over");
            }
            *last = round;
            if place as usize >= PROCESSES || mask.fetch_or(1 << place, SeqCst) & 1 << place != 0 {
                notes.violated(&format!("place {place} was given twice in round {round}"));
            }
        }
        Err(BarrierError::Broken) if me == 0 => barrier.reset(),
        Err(BarrierError::Broken) => std::thread::yield_now(),
        Err(other) => panic!("{other}"),
    }
}

fn read(lock: &RwLock, notes: &Notes, me: usize) {
    let (_guard, is_told) = match lock.read() {
        Ok(guard) => (guard, false),
        Err(RwLockError::OwnerDied(died)) => (died.into_guard(), true),
        Err(other) => panic!("{other}"),
    };
    notes.enter(me, PROCESSES as u32);
    exclusive(notes, is_told);
    std::thread::yield_now();
    exclusive(notes, is_told);
    notes.leave(me);
}

fn write(lock: &RwLock, notes: &Notes) {
    let (_guard, is_told) = match lock.write() {
        Ok(guard) => (guard, false),
        Err(died) => {
            notes.add(TOLD);
            (died.repaired(), true)
        }
    };
    exclusive(notes, is_told);
    let (kills, dead) = (notes.value(KILLS), notes.value(UNSETTLED));
    let readers = notes.value(INSIDE).count_ones();
    if readers > dead && kills == notes.value(KILLS) {
        notes.violated(&format!(
            "{readers} read while one writes, and {dead} of them are dead"
        ));
    }
    if notes.word(WRITER).swap(1, SeqCst) != 0 && !is_told {
        notes.violated("two write, or a death in a write was not told");
    }
    let first = notes.value(FIRST).max(notes.value(SECOND)).wrapping_add(1);
    notes.word(FIRST).store(first, SeqCst);
    std::thread::yield_now();
    notes.word(SECOND).store(first, SeqCst);
    notes.word(WRITER).store(0, SeqCst);
}
