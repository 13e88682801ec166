//! The semaphore: no more inside than permits, none is lost, and those of the dead come back.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::{FIRST, Place, Scene, forever, impatient, with_ledger};
use crate::permits;
use crate::stage::{self, Stage};
use crate::sys::memory::Memory;

pub(crate) const SCENES: &[Scene] = &[
    Scene {
        name: "semaphore: one permit, two come",
        play: two,
        preemptions: 2,
        victims: &[2],
        preemptions_with_death: 1,
    },
    Scene {
        name: "semaphore: one permit, three come",
        play: three,
        preemptions: 1,
        victims: &[2],
        preemptions_with_death: 0,
    },
    Scene {
        name: "semaphore: two tokens are made",
        play: tokens,
        preemptions: 1,
        victims: &[],
        preemptions_with_death: 0,
    },
    Scene {
        name: "semaphore: a token, its taker dies",
        play: a_token_more,
        preemptions: 1,
        victims: &[2],
        preemptions_with_death: 0,
    },
    Scene {
        name: "semaphore: one gives up",
        play: one_gives_up,
        preemptions: 1,
        victims: &[3],
        preemptions_with_death: 0,
    },
];

const INSIDE: usize = FIRST;

fn semaphore(permits: u32) -> Arc<Memory> {
    let memory = with_ledger();
    permits::lay_out(&memory, permits, u32::MAX);
    memory
}

/// With the permit of a semaphore that has one.
fn inside(memory: &Memory) {
    let before = memory.word(INSIDE).fetch_add(1, Relaxed);
    assert!(
        before == 0 || stage::has_died(),
        "{} are inside with one permit",
        before + 1
    );
    memory.word(INSIDE).fetch_sub(1, Relaxed);
}

fn pass(memory: &Memory) {
    let place = Place::new(memory);
    permits::acquire(memory, || place.slot(), &forever()).unwrap();
    inside(memory);
    permits::give_back(memory, place.own());
}

pub(crate) fn some(stage: &Stage, processes: u32) {
    let memory = semaphore(1);
    for _ in 0..processes {
        let memory = Arc::clone(&memory);
        stage.process(move || {
            stage::become_mortal();
            pass(&memory);
        });
    }
    stage.join();
    assert_eq!(permits::available(&memory), 1, "permits");
}

fn two(stage: &Stage) {
    some(stage, 2);
}

fn three(stage: &Stage) {
    some(stage, 3);
}

/// Two wait, two tokens are made: each has one.
fn tokens(stage: &Stage) {
    let memory = semaphore(0);
    for _ in 0..2 {
        let memory = Arc::clone(&memory);
        stage.process(move || take_one(&memory));
    }
    let maker = Arc::clone(&memory);
    stage.process(move || (0..2).for_each(|_| permits::release(&maker).unwrap()));
    stage.join();
    assert_eq!(permits::available(&memory), 0);
}

fn take_one(memory: &Memory) {
    let place = Place::new(memory);
    permits::acquire(memory, || place.slot(), &forever()).unwrap();
    permits::forget(memory, place.own());
}

/// Two tokens, two takers of whom one dies: the other has one, and at most the one of the dead is left.
fn a_token_more(stage: &Stage) {
    let memory = semaphore(1);
    for _ in 0..2 {
        let memory = Arc::clone(&memory);
        stage.process(move || {
            stage::become_mortal();
            take_one(&memory);
        });
    }
    let maker = Arc::clone(&memory);
    stage.process(move || permits::release(&maker).unwrap());
    stage.join();
    let free = permits::available(&memory);
    assert!(free == 0 || free == 1 && stage::has_died(), "{free} are free");
}

/// One that sleeps and gives up takes nobody's wake-up with it.
fn one_gives_up(stage: &Stage) {
    let memory = semaphore(1);
    let (first, second, third) = (Arc::clone(&memory), Arc::clone(&memory), Arc::clone(&memory));
    stage.process(move || pass(&first));
    stage.process(move || {
        stage::become_mortal();
        stage::be_patient(0);
        let place = Place::new(&second);
        if permits::acquire(&second, || place.slot(), &impatient()).is_ok() {
            inside(&second);
            permits::give_back(&second, place.own());
        }
    });
    stage.process(move || pass(&third));
    stage.join();
    assert_eq!(permits::available(&memory), 1, "permits");
}
