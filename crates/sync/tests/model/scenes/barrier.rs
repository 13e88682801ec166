//! The barrier: all pass, after the action, or all learn that it is broken.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use core_process::Until;

use super::{FIRST, Place, SECOND, Scene, THIRD, forever, impatient, with_ledger};
use crate::pace::Over;
use crate::rounds::{self, Missed};
use crate::stage::{self, Stage};
use crate::sys::memory::Memory;

pub(crate) const SCENES: &[Scene] = &[
    Scene {
        name: "barrier: two meet",
        play: two,
        preemptions: 2,
        victims: &[2],
        preemptions_with_death: 1,
    },
    Scene {
        name: "barrier: two meet twice",
        play: two_twice,
        preemptions: 2,
        victims: &[2],
        preemptions_with_death: 0,
    },
    Scene {
        name: "barrier: three meet",
        play: three,
        preemptions: 1,
        victims: &[2],
        preemptions_with_death: 0,
    },
    Scene {
        name: "barrier: one gives up",
        play: one_gives_up,
        preemptions: 2,
        victims: &[2],
        preemptions_with_death: 1,
    },
    Scene {
        name: "barrier: a reset",
        play: a_reset,
        preemptions: 2,
        victims: &[],
        preemptions_with_death: 0,
    },
    Scene {
        name: "barrier: a reset by a third",
        play: a_reset_by_a_third,
        preemptions: 1,
        victims: &[3],
        preemptions_with_death: 1,
    },
];

/// How often the action has run, who has passed, who has found it broken.
const ACTED: usize = FIRST;
const PASSED: usize = SECOND;
const BROKEN: usize = THIRD;

fn barrier(parties: u32) -> Arc<Memory> {
    let memory = with_ledger();
    rounds::lay_out(&memory, parties);
    memory
}

/// Meets once; whether it passed. The action has run as often as rounds were passed.
fn meet(memory: &Memory, place: &Place<'_>, until: &Until, round: u32) -> Result<u32, Missed<Over>> {
    let action = || {
        memory.word(ACTED).fetch_add(1, Relaxed);
    };
    let outcome = rounds::meet(memory, || place.slot(), until, Some(action));
    if outcome.is_ok() {
        let acted = memory.word(ACTED).load(Relaxed);
        assert!(
            acted >= round,
            "it passed before the action of round {round} was over"
        );
    }
    outcome
}

fn party(stage: &Stage, memory: &Arc<Memory>, rounds: u32) {
    let memory = Arc::clone(memory);
    stage.process(move || {
        let place = Place::new(&memory);
        rounds::join(&memory, || place.slot()).unwrap();
        stage::become_mortal();
        for round in 1..=rounds {
            match meet(&memory, &place, &forever(), round) {
                Ok(_) => memory.word(PASSED).fetch_add(1 << (8 * round), Relaxed),
                Err(Missed::Broken) => memory.word(BROKEN).fetch_add(1 << (8 * round), Relaxed),
                Err(other) => panic!("{other:?}"),
            };
        }
        // A party that ends without leaving is a dead one, which breaks what comes after it.
    });
}

/// In each round, all that lived to tell it have passed, or none.
fn check(memory: &Memory, parties: u32, rounds: u32) {
    let [passed, broken] = [PASSED, BROKEN].map(|word| memory.word(word).load(Relaxed));
    for round in 1..=rounds {
        let of = |word: u32| word >> (8 * round) & 0xFF;
        let (passed, broken) = (of(passed), of(broken));
        assert!(
            passed == 0 || broken == 0,
            "{passed} passed round {round}, for {broken} it was broken"
        );
        assert!(
            passed == parties || stage::has_died(),
            "{passed} of {parties} passed round {round}"
        );
    }
}

pub(crate) fn some(stage: &Stage, parties: u32, rounds: u32) {
    let memory = barrier(parties);
    for _ in 0..parties {
        party(stage, &memory, rounds);
    }
    stage.join();
    check(&memory, parties, rounds);
    // All parties have ended without leaving.
    assert!(rounds::is_broken(&memory));
    rounds::reset(&memory);
    assert_eq!((rounds::is_broken(&memory), rounds::waiting(&memory)), (false, 0));
}

fn two(stage: &Stage) {
    some(stage, 2, 1);
}

fn two_twice(stage: &Stage) {
    some(stage, 2, 2);
}

fn three(stage: &Stage) {
    some(stage, 3, 1);
}

/// If one gives up, the other finds it broken; if it was the last moment, both pass.
fn one_gives_up(stage: &Stage) {
    let memory = barrier(2);
    for patience in [None, Some(1)] {
        let memory = Arc::clone(&memory);
        stage.process(move || {
            let place = Place::new(&memory);
            rounds::join(&memory, || place.slot()).unwrap();
            stage::become_mortal();
            let until = match patience {
                None => forever(),
                Some(sleeps) => {
                    stage::be_patient(sleeps);
                    impatient()
                }
            };
            let word = match meet(&memory, &place, &until, 1) {
                Ok(_) => PASSED,
                Err(Missed::Broken | Missed::Over(_)) => BROKEN,
                Err(other) => panic!("{other:?}"),
            };
            memory.word(word).fetch_add(1 << 8, Relaxed);
        });
    }
    stage.join();
    let [passed, broken] = [PASSED, BROKEN].map(|word| memory.word(word).load(Relaxed));
    assert!(
        passed == 0 || broken == 0,
        "{passed} passed, for {broken} it was broken"
    );
}

/// Who waits finds a reset barrier broken, comes again, and meets the other.
fn a_reset(stage: &Stage) {
    let memory = barrier(2);
    let theirs = Arc::clone(&memory);
    stage.process(move || {
        let place = Place::new(&theirs);
        while meet(&theirs, &place, &forever(), 1).is_err() {}
        theirs.word(PASSED).fetch_add(1, Relaxed);
    });
    let ours = Arc::clone(&memory);
    stage.process(move || {
        let place = Place::new(&ours);
        rounds::reset(&ours);
        let met = meet(&ours, &place, &forever(), 1);
        assert!(met.is_ok(), "{met:?}");
        ours.word(PASSED).fetch_add(1, Relaxed);
    });
    stage.join();
    assert_eq!(memory.word(PASSED).load(Relaxed), 2);
    assert_eq!(memory.word(ACTED).load(Relaxed), 1, "the action");
}

/// A third resets, and may die in it: the two meet all the same, once and both. A pass that one of them takes for a reset would leave it
/// alone at the next round.
fn a_reset_by_a_third(stage: &Stage) {
    let memory = barrier(2);
    let come = |memory: &Arc<Memory>| {
        let memory = Arc::clone(memory);
        move || {
            let place = Place::new(&memory);
            while meet(&memory, &place, &forever(), 1).is_err() {}
            memory.word(PASSED).fetch_add(1, Relaxed);
        }
    };
    stage.process(come(&memory));
    let third = Arc::clone(&memory);
    stage.process(move || {
        stage::become_mortal();
        rounds::reset(&third);
    });
    stage.process(come(&memory));
    stage.join();
    assert_eq!(memory.word(PASSED).load(Relaxed), 2);
    // A reset in the middle of the action makes all meet again, and the action run again.
    assert!((1..=2).contains(&memory.word(ACTED).load(Relaxed)));
}
