//! The event: no set is missed, what was written before it is seen, and a dead waiter costs nobody anything.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::{FIRST, SECOND, Scene, forever, impatient};
use crate::flag;
use crate::stage::{self, Stage};
use crate::sys::memory::Memory;

pub(crate) const SCENES: &[Scene] = &[
    Scene {
        name: "event: set, one waits",
        play: one_waits,
        preemptions: 3,
        victims: &[],
        preemptions_with_death: 0,
    },
    Scene {
        name: "event: two set, one waits",
        play: two_set,
        preemptions: 2,
        victims: &[2, 3],
        preemptions_with_death: 1,
    },
    Scene {
        name: "event: a pulse, two wait",
        play: a_pulse,
        preemptions: 2,
        victims: &[3],
        preemptions_with_death: 1,
    },
    Scene {
        name: "event: one gives up",
        play: one_gives_up,
        preemptions: 2,
        victims: &[3],
        preemptions_with_death: 2,
    },
];

fn event() -> Arc<Memory> {
    Arc::new(Memory::new([64, 68, FIRST, SECOND]))
}

/// A process that saw the flag down before the others began, and waits.
fn waiter(stage: &Stage, event: &Arc<Memory>) {
    let first = flag::look(event);
    let event = Arc::clone(event);
    stage.process(move || {
        stage::become_mortal();
        flag::wait(&event, first, &forever()).unwrap();
        let seen = [FIRST, SECOND].map(|word| event.word(word).load(Relaxed));
        assert_ne!(
            seen,
            [0, 0],
            "it passed, and does not see what was written before the set"
        );
    });
}

fn setter(stage: &Stage, event: &Arc<Memory>, data: usize) {
    let event = Arc::clone(event);
    stage.process(move || {
        stage::become_mortal();
        event.word(data).store(1, Relaxed);
        flag::set(&event);
    });
}

fn one_waits(stage: &Stage) {
    let event = event();
    setter(stage, &event, FIRST);
    waiter(stage, &event);
    stage.join();
    assert!(flag::look(&event).is_set());
}

/// One may die anywhere: the other one sets.
fn two_set(stage: &Stage) {
    let event = event();
    setter(stage, &event, FIRST);
    waiter(stage, &event);
    setter(stage, &event, SECOND);
    stage.join();
    assert!(flag::look(&event).is_set());
}

/// Set and taken down again at once: both waited, so both pass.
fn a_pulse(stage: &Stage) {
    let event = event();
    let theirs = Arc::clone(&event);
    let first = flag::look(&event);
    stage.process(move || {
        theirs.word(FIRST).store(1, Relaxed);
        flag::set(&theirs);
        flag::clear(&theirs);
    });
    waiter(stage, &event);
    waiter(stage, &event);
    stage.join();
    let last = flag::look(&event);
    assert!(!last.is_set() && last.lets_pass(first));
}

fn one_gives_up(stage: &Stage) {
    let event = event();
    setter(stage, &event, FIRST);
    let first = flag::look(&event);
    let theirs = Arc::clone(&event);
    stage.process(move || {
        stage::become_mortal();
        stage::be_patient(1);
        let _ = flag::wait(&theirs, first, &impatient());
    });
    waiter(stage, &event);
    stage.join();
    assert!(flag::look(&event).is_set());
}
