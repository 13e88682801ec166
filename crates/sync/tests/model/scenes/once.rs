//! Once: the work is done by one, seen by all, and done again by another if the one dies in it.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::{FIRST, SECOND, Scene, forever, plain};
use crate::done;
use crate::exclusion::News;
use crate::stage::{self, Stage};
use crate::sys::memory::Memory;

pub(crate) const SCENES: &[Scene] = &[
    Scene {
        name: "once: two come",
        play: two,
        preemptions: 3,
        victims: &[2],
        preemptions_with_death: 3,
    },
    Scene {
        name: "once: three come",
        play: three,
        preemptions: 2,
        victims: &[2],
        preemptions_with_death: 1,
    },
];

fn call(memory: &Memory) {
    if let Some(turn) = done::take_turn(memory, &forever()).unwrap() {
        let is_whole = memory.word(FIRST).load(Relaxed) == memory.word(SECOND).load(Relaxed);
        assert!(
            is_whole || turn.news != News::None,
            "half of the work, and nobody said so"
        );
        let times = memory.word(FIRST).load(Relaxed);
        memory.word(FIRST).store(times + 1, Relaxed);
        memory.word(SECOND).store(times + 1, Relaxed);
        turn.done();
    }
    let [first, second] = [FIRST, SECOND].map(|word| memory.word(word).load(Relaxed));
    // What runs in the unwinding of a death sees nothing.
    assert!(
        first > 0 && first == second,
        "it came back before the work was done"
    );
}

pub(crate) fn some(stage: &Stage, processes: u32) {
    let memory = plain();
    done::lay_out(&memory);
    for _ in 0..processes {
        let memory = Arc::clone(&memory);
        stage.process(move || {
            stage::become_mortal();
            call(&memory);
        });
    }
    stage.join();
    call(&memory);
    let times = memory.word(FIRST).load(Relaxed);
    assert!(
        times == 1 || times == 2 && stage::has_died(),
        "done {times} times"
    );
}

fn two(stage: &Stage) {
    some(stage, 2);
}

fn three(stage: &Stage) {
    some(stage, 3);
}
