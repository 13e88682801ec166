//! The ledger: the living keep their slots, the dead lose theirs, and a slot that was left can be taken.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::{FIRST, SECOND, Scene, forever, with_ledger};
use crate::exclusion::{self, News};
use crate::ledger;
use crate::stage::{self, Stage};
use crate::sys::memory::{Memory, Nesting};

pub(crate) const SCENES: &[Scene] = &[
    Scene {
        name: "ledger: take, leave, bury",
        play: come_and_go,
        preemptions: 2,
        victims: &[2, 3],
        preemptions_with_death: 1,
    },
    Scene {
        name: "ledger: the dead are counted once",
        play: counted_once,
        preemptions: 2,
        victims: &[2],
        preemptions_with_death: 2,
    },
];

fn object() -> Arc<Memory> {
    let memory = with_ledger();
    exclusion::lay_out(&memory, Nesting::Refused);
    memory
}

fn enter(memory: &Memory) {
    if exclusion::take(memory, &forever()).unwrap() != News::None {
        exclusion::repaired(memory);
    }
}

/// Takes a slot, looks whether it is still there, and leaves.
fn come_and_go(stage: &Stage) {
    let memory = object();
    for _ in 0..2 {
        let memory = Arc::clone(&memory);
        stage.process(move || {
            stage::become_mortal();
            enter(&memory);
            let index = ledger::take(&memory).expect("there is room");
            ledger::slot(&memory, index).set_count(1);
            exclusion::release(&memory);
            enter(&memory);
            ledger::bury(&memory, |_| {});
            let mine = ledger::slot(&memory, index);
            assert_eq!(mine.count(), 1, "buried alive, or shared with another");
            mine.set_count(0);
            exclusion::release(&memory);
            ledger::slot(&memory, index).set_free();
            ledger::slot(&memory, index).unlock();
        });
    }
    stage.join();
    enter(&memory);
    ledger::bury(&memory, |_| {});
    assert_eq!(
        ledger::slots(&memory).count(),
        0,
        "somebody dead is in the ledger"
    );
    assert_eq!(
        ledger::take(&memory),
        Some(0),
        "a slot that was left cannot be taken"
    );
    exclusion::release(&memory);
}

/// What one had when it ended is settled exactly once if nobody dies who settles, and never too seldom.
fn counted_once(stage: &Stage) {
    let memory = object();
    let owner = Arc::clone(&memory);
    // It ends with its slot, which is a death, too.
    stage.process(move || {
        enter(&owner);
        let index = ledger::take(&owner).expect("there is room");
        ledger::slot(&owner, index).set_count(3);
        owner.word(SECOND).store(1, Relaxed);
        exclusion::release(&owner);
    });
    let second = Arc::clone(&memory);
    stage.process(move || settle(&second));
    stage.join();
    settle(&memory);
    assert_eq!(memory.word(FIRST).load(Relaxed), 3);
}

fn settle(memory: &Memory) {
    enter(memory);
    ledger::bury(memory, |dead| {
        let before = memory.word(FIRST).load(Relaxed);
        memory.word(FIRST).store(before + dead.count, Relaxed);
    });
    exclusion::release(memory);
}
