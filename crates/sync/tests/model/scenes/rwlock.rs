//! The read-write lock: a writer is alone, what it wrote is whole for who reads, and a death in a write is told.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::{FIRST, Place, SECOND, Scene, THIRD, forever, impatient, with_ledger};
use crate::exclusion::{self, News};
use crate::pace::Over;
use crate::readers;
use crate::stage::{self, Stage};
use crate::sys::memory::Memory;

pub(crate) const SCENES: &[Scene] = &[
    Scene {
        name: "rwlock: one reads, one writes",
        play: one_each,
        preemptions: 3,
        victims: &[2, 3],
        preemptions_with_death: 1,
    },
    Scene {
        name: "rwlock: two read, one writes",
        play: two_read,
        preemptions: 1,
        victims: &[2, 4],
        preemptions_with_death: 0,
    },
    Scene {
        name: "rwlock: one reads, two write",
        play: two_write,
        preemptions: 1,
        victims: &[3],
        preemptions_with_death: 0,
    },
    Scene {
        name: "rwlock: a writer gives up",
        play: one_gives_up,
        preemptions: 2,
        victims: &[3],
        preemptions_with_death: 1,
    },
];

/// The halves of what is protected, and how many read.
const LEFT_HALF: usize = FIRST;
const RIGHT_HALF: usize = SECOND;
const READING: usize = THIRD;

fn rwlock() -> Arc<Memory> {
    let memory = with_ledger();
    readers::lay_out(&memory);
    memory
}

fn halves(memory: &Memory) -> (u32, u32) {
    (
        memory.word(LEFT_HALF).load(Relaxed),
        memory.word(RIGHT_HALF).load(Relaxed),
    )
}

fn read(memory: &Memory) {
    let place = Place::new(memory);
    let news: Result<News, Over> = readers::read(memory, || place.slot(), &forever());
    let is_told = news.unwrap() != News::None;
    memory.word(READING).fetch_add(1, Relaxed);
    let (left, right) = halves(memory);
    assert!(left == right || is_told, "a reader sees half of a write");
    memory.word(READING).fetch_sub(1, Relaxed);
    readers::end_read(memory, place.own());
}

fn written(memory: &Memory, news: News) {
    let reading = memory.word(READING).load(Relaxed);
    assert!(
        reading == 0 || stage::has_died(),
        "somebody reads while somebody writes"
    );
    let (left, right) = halves(memory);
    assert!(
        left == right || news != News::None,
        "a writer sees half of a write"
    );
    memory.word(LEFT_HALF).store(left + 1, Relaxed);
    memory.word(RIGHT_HALF).store(left + 1, Relaxed);
    if news != News::None {
        exclusion::repaired(memory);
    }
    readers::end_write(memory);
}

fn write(memory: &Memory) {
    let news = readers::write(memory, &forever()).unwrap();
    written(memory, news);
}

fn check(memory: &Memory, writes: u32) {
    let news = readers::try_write(memory).expect("the lock is dead");
    let (left, right) = halves(memory);
    assert!(left == right || news != News::None);
    assert!(left == writes || stage::has_died(), "{left} writes of {writes}");
    exclusion::repaired(memory);
    readers::end_write(memory);
    let place = Place::new(memory);
    let news: Result<News, Over> = readers::try_read(memory, || place.slot()).expect("the lock is dead");
    assert_eq!(news.unwrap(), News::None, "news after a repair");
    readers::end_read(memory, place.own());
}

fn all(stage: &Stage, memory: &Arc<Memory>, parts: &[fn(&Memory)]) {
    for part in parts {
        let (memory, part) = (Arc::clone(memory), *part);
        stage.process(move || {
            stage::become_mortal();
            part(&memory);
        });
    }
    stage.join();
}

fn one_each(stage: &Stage) {
    let memory = rwlock();
    all(stage, &memory, &[read, write]);
    check(&memory, 1);
}

fn two_read(stage: &Stage) {
    let memory = rwlock();
    all(stage, &memory, &[read, read, write]);
    check(&memory, 1);
}

fn two_write(stage: &Stage) {
    let memory = rwlock();
    all(stage, &memory, &[read, write, write]);
    check(&memory, 2);
}

fn one_gives_up(stage: &Stage) {
    let memory = rwlock();
    all(stage, &memory, &[read, write_in_haste, write]);
    let (left, right) = halves(&memory);
    assert!(left == right || stage::has_died());
}

fn write_in_haste(memory: &Memory) {
    stage::be_patient(0);
    if let Ok(news) = readers::write(memory, &impatient()) {
        written(memory, news);
    }
}

pub(crate) fn three_read_two_write(stage: &Stage) {
    let memory = rwlock();
    all(stage, &memory, &[read, write, read, write, read]);
    check(&memory, 2);
}
