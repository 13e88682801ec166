//! The sleepers: no change is slept through, whoever else sleeps, gives up or dies.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::queue::sleepers::{sleep, wake_all, wake_one};
use crate::scene::Scene;
use crate::stage::{self, Stage};
use crate::sys::memory::Memory;

pub(crate) const SCENES: &[Scene] = &[
    Scene {
        name: "sleepers: a change, one sleeps",
        play: one_sleeps,
        preemptions: 3,
        victims: &[3],
        preemptions_with_death: 2,
    },
    Scene {
        name: "sleepers: two changes, two sleep",
        play: two_sleep,
        preemptions: 2,
        victims: &[2, 4],
        preemptions_with_death: 0,
    },
    Scene {
        name: "sleepers: one gives up, one does not",
        play: one_gives_up,
        preemptions: 2,
        victims: &[2],
        preemptions_with_death: 1,
    },
    Scene {
        name: "sleepers: all are woken",
        play: all_are_woken,
        preemptions: 2,
        victims: &[],
        preemptions_with_death: 0,
    },
];

/// The word on which they sleep, and the one that is changed.
const WORD: usize = 0;
const TOKENS: usize = 4;

fn memory() -> Arc<Memory> {
    Arc::new(Memory::new([WORD, TOKENS]))
}

/// Takes a token, if there is one.
fn take(memory: &Memory) -> bool {
    let tokens = memory.word(TOKENS);
    let mut before = tokens.load(Relaxed);
    while before > 0 {
        match tokens.compare_exchange(before, before - 1, Relaxed, Relaxed) {
            Ok(_) => return true,
            Err(other) => before = other,
        }
    }
    false
}

fn sleeps_until_it_has_one(memory: &Memory) {
    while !take(memory) {
        sleep(memory.word(WORD), Duration::ZERO, || {
            memory.word(TOKENS).load(Relaxed) > 0
        });
    }
}

fn gives(memory: &Memory) {
    memory.word(TOKENS).fetch_add(1, Relaxed);
    wake_one(memory.word(WORD));
}

fn one_sleeps(stage: &Stage) {
    let memory = memory();
    let theirs = Arc::clone(&memory);
    stage.process(move || sleeps_until_it_has_one(&theirs));
    let theirs = Arc::clone(&memory);
    stage.process(move || {
        stage::become_mortal();
        gives(&theirs);
    });
    // Who dies before it has given is no change; so another one gives, too.
    let theirs = Arc::clone(&memory);
    stage.process(move || gives(&theirs));
    stage.join();
}

/// A dead sleeper takes nobody's wake-up with it for ever, nor does a dead waker.
fn two_sleep(stage: &Stage) {
    let memory = memory();
    for _ in 0..2 {
        let theirs = Arc::clone(&memory);
        stage.process(move || {
            if stage::number() == 2 {
                stage::become_mortal();
            }
            sleeps_until_it_has_one(&theirs);
        });
    }
    let theirs = Arc::clone(&memory);
    stage.process(move || {
        stage::become_mortal();
        gives(&theirs);
        gives(&theirs);
    });
    if stage::has_deaths() {
        // In the place of a giver that dies.
        let theirs = Arc::clone(&memory);
        stage.process(move || {
            gives(&theirs);
            gives(&theirs);
        });
    }
    stage.join();
}

/// Who has slept once looks once more, and leaves its mark behind.
fn one_gives_up(stage: &Stage) {
    let memory = memory();
    let theirs = Arc::clone(&memory);
    stage.process(move || {
        stage::become_mortal();
        stage::be_patient(1);
        if !take(&theirs) && stage::has_patience() {
            sleep(theirs.word(WORD), Duration::ZERO, || {
                theirs.word(TOKENS).load(Relaxed) > 0
            });
            take(&theirs);
        }
    });
    let theirs = Arc::clone(&memory);
    stage.process(move || {
        stage::sleep_on();
        sleeps_until_it_has_one(&theirs);
    });
    let theirs = Arc::clone(&memory);
    stage.process(move || {
        gives(&theirs);
        gives(&theirs);
    });
    stage.join();
}

/// A change that concerns all, as a close does.
fn all_are_woken(stage: &Stage) {
    let memory = memory();
    for _ in 0..2 {
        let theirs = Arc::clone(&memory);
        stage.process(move || {
            while theirs.word(TOKENS).load(Relaxed) == 0 {
                sleep(theirs.word(WORD), Duration::ZERO, || {
                    theirs.word(TOKENS).load(Relaxed) > 0
                });
            }
        });
    }
    let theirs = Arc::clone(&memory);
    stage.process(move || {
        theirs.word(TOKENS).store(1, Relaxed);
        wake_all(theirs.word(WORD));
    });
    stage.join();
}
