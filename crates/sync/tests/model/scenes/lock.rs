//! The lock: one at a time, nobody is left asleep, and a death inside is told.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::{FIRST, SECOND, Scene, forever, impatient, plain};
use crate::exclusion::{self, News};
use crate::stage::{self, End, Stage};
use crate::sys::memory::{Memory, Nesting};

pub(crate) const SCENES: &[Scene] = &[
    Scene {
        name: "lock: two take turns, twice",
        play: two_twice,
        preemptions: 2,
        victims: &[],
        preemptions_with_death: 0,
    },
    Scene {
        name: "lock: two take turns",
        play: two,
        preemptions: 3,
        victims: &[2],
        preemptions_with_death: 2,
    },
    Scene {
        name: "lock: three take turns",
        play: three,
        preemptions: 2,
        victims: &[2],
        preemptions_with_death: 1,
    },
    Scene {
        name: "lock: one gives up",
        play: one_gives_up,
        preemptions: 2,
        victims: &[2, 3],
        preemptions_with_death: 2,
    },
    Scene {
        name: "lock: the heir of a dead owner dies",
        play: an_heir_dies,
        preemptions: 2,
        victims: &[3],
        preemptions_with_death: 2,
    },
    Scene {
        name: "rlock: two levels",
        play: two_levels,
        preemptions: 3,
        victims: &[2],
        preemptions_with_death: 2,
    },
];

const INSIDE: usize = FIRST;
const DATA: usize = SECOND;

/// The owner's part. What a death leaves here must be told to who comes next.
fn inside(memory: &Memory, news: News) {
    if news != News::None {
        memory.word(INSIDE).store(0, Relaxed);
        exclusion::repaired(memory);
    }
    let before = memory.word(INSIDE).load(Relaxed);
    assert_eq!(before, 0, "two are inside, or a death inside was not told");
    memory.word(INSIDE).store(1, Relaxed);
    let data = memory.word(DATA).load(Relaxed);
    memory.word(DATA).store(data + 1, Relaxed);
    memory.word(INSIDE).store(0, Relaxed);
}

fn pass(memory: &Memory) {
    let news = exclusion::take(memory, &forever()).unwrap();
    inside(memory, news);
    exclusion::release(memory);
}

fn lock(nesting: Nesting) -> Arc<Memory> {
    let memory = plain();
    exclusion::lay_out(&memory, nesting);
    memory
}

/// Nothing is held, the lock works, and no pass was lost.
fn check(memory: &Memory, ends: &[End], passes: u32) {
    let news = exclusion::try_take(memory).expect("the lock is dead");
    let dead = ends.iter().filter(|end| **end == End::Died).count() as u32;
    assert!(dead > 0 || news == News::None, "news without a death");
    inside(memory, news);
    exclusion::release(memory);
    assert!(!exclusion::is_held(memory));
    let data = memory.word(DATA).load(Relaxed) - 1;
    let returned = ends.len() as u32 - dead;
    assert!(
        (returned * passes..=returned * passes + dead * passes).contains(&data),
        "{data} passes are left of {} and {} more",
        returned * passes,
        dead * passes
    );
}

pub(crate) fn some(stage: &Stage, processes: u32, passes: u32) {
    let memory = lock(Nesting::Refused);
    for _ in 0..processes {
        let memory = Arc::clone(&memory);
        stage.process(move || {
            stage::become_mortal();
            (0..passes).for_each(|_| pass(&memory));
        });
    }
    let ends = stage.join();
    check(&memory, &ends, passes);
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

/// Who gives up leaves nothing, and takes nobody's wake-up with it.
fn one_gives_up(stage: &Stage) {
    let memory = lock(Nesting::Refused);
    let (first, second) = (Arc::clone(&memory), Arc::clone(&memory));
    stage.process(move || {
        stage::become_mortal();
        pass(&first);
    });
    stage.process(move || {
        stage::become_mortal();
        stage::be_patient(1);
        if let Ok(news) = exclusion::take(&second, &impatient()) {
            inside(&second, news);
            exclusion::release(&second);
        }
    });
    stage.join();
    let news = exclusion::try_take(&memory).expect("the lock is dead");
    inside(&memory, news);
    exclusion::release(&memory);
}

/// The first ends with the lock in its hands, which is a death; who inherits may die at once. Whoever comes next is told.
fn an_heir_dies(stage: &Stage) {
    let memory = lock(Nesting::Refused);
    let (first, second) = (Arc::clone(&memory), Arc::clone(&memory));
    stage.process(move || {
        let news = exclusion::take(&first, &forever()).unwrap();
        inside(&first, news);
        first.word(INSIDE).store(1, Relaxed);
    });
    stage.process(move || {
        stage::become_mortal();
        pass(&second);
    });
    stage.join();
    let news = exclusion::try_take(&memory).expect("the lock is dead");
    inside(&memory, news);
    exclusion::release(&memory);
}

fn two_levels(stage: &Stage) {
    let memory = lock(Nesting::Counted);
    for _ in 0..2 {
        let memory = Arc::clone(&memory);
        stage.process(move || {
            stage::become_mortal();
            let news = exclusion::take(&memory, &forever()).unwrap();
            inside(&memory, news);
            let again = exclusion::try_take(&memory).expect("it is the caller's own");
            assert_eq!(again, News::None);
            assert_eq!(exclusion::depth(&memory), 2);
            inside(&memory, again);
            exclusion::release(&memory);
            assert_eq!(exclusion::depth(&memory), 1);
            exclusion::release(&memory);
        });
    }
    let ends = stage.join();
    check(&memory, &ends, 2);
}
