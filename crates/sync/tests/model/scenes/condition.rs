//! The condition: a notice reaches one that waits and lives, and a death inside is told.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use core_process::Until;

use super::{FIRST, Place, Scene, forever, impatient, plain, with_ledger};
use crate::exclusion::{self, News};
use crate::notices::{Notices, Owed, Waited};
use crate::stage::{self, Stage};
use crate::sys::memory::{Memory, Nesting};

pub(crate) const SCENES: &[Scene] = &[
    Scene {
        name: "condition: one waits, one notifies",
        play: one_notice,
        preemptions: 3,
        victims: &[],
        preemptions_with_death: 0,
    },
    Scene {
        name: "condition: the notifier dies",
        play: two_notify,
        preemptions: 1,
        victims: &[3],
        preemptions_with_death: 0,
    },
    Scene {
        name: "condition: two wait, two notices",
        play: two_notices,
        preemptions: 1,
        victims: &[2],
        preemptions_with_death: 0,
    },
    Scene {
        name: "condition: two wait, all are notified",
        play: all_notified,
        preemptions: 1,
        victims: &[2],
        preemptions_with_death: 0,
    },
    Scene {
        name: "condition: one gives up",
        play: one_gives_up,
        preemptions: 1,
        victims: &[],
        preemptions_with_death: 0,
    },
    Scene {
        name: "condition: waits two levels deep",
        play: two_levels,
        preemptions: 2,
        victims: &[2],
        preemptions_with_death: 1,
    },
];

/// How much there is to take; what is waited for.
const STOCK: usize = FIRST;

#[derive(Clone)]
struct Condition {
    memory: Arc<Memory>,
    lock: Arc<Memory>,
}

impl Condition {
    fn new() -> Self {
        let lock = plain();
        exclusion::lay_out(&lock, Nesting::Counted);
        Self {
            memory: with_ledger(),
            lock,
        }
    }

    fn notices(&self) -> Notices<'_> {
        Notices {
            memory: &self.memory,
            lock: &self.lock,
        }
    }

    /// The lock, whatever has happened: one word is whole at any time.
    fn lock(&self) {
        let news = exclusion::take(&self.lock, &forever()).unwrap();
        self.repair(news);
    }

    fn repair(&self, news: News) {
        if news != News::None {
            exclusion::repaired(&self.lock);
        }
    }

    fn unlock(&self) {
        exclusion::release(&self.lock);
    }

    fn stock(&self) -> u32 {
        self.lock.word(STOCK).load(Relaxed)
    }

    /// Waits until there is something, and takes it; false if it gave up.
    fn take(&self, until: &Until) -> bool {
        let place = Place::new(&self.memory);
        self.lock();
        let mut is_there = true;
        while self.stock() == 0 && is_there {
            let Waited { outcome, news } = self.notices().wait(place.slot().unwrap(), until, Owed::default());
            self.repair(news);
            is_there = outcome.is_ok() || news != News::None || self.stock() > 0;
        }
        if is_there {
            self.lock.word(STOCK).store(self.stock() - 1, Relaxed);
        }
        self.unlock();
        is_there
    }

    fn put(&self, more: u32, notices: u32) {
        self.lock();
        self.lock.word(STOCK).store(self.stock() + more, Relaxed);
        let mut owed = Owed::default();
        self.notices().give(notices, &mut owed);
        self.unlock();
        self.notices().wake(owed);
    }
}

fn taker(stage: &Stage, condition: &Condition) {
    let condition = condition.clone();
    stage.process(move || {
        stage::become_mortal();
        assert!(condition.take(&forever()));
    });
}

fn check(condition: &Condition, left: u32) {
    condition.lock();
    let stock = condition.stock();
    assert!(stock == left || stage::has_died(), "{stock} are left");
    assert_eq!(condition.notices().waiting(), 0, "somebody waits who has ended");
    condition.unlock();
}

fn one_notice(stage: &Stage) {
    let condition = Condition::new();
    taker(stage, &condition);
    let theirs = condition.clone();
    stage.process(move || theirs.put(1, 1));
    stage.join();
    check(&condition, 0);
}

/// One of two may die: the other one's notice is enough, or the news of the death is.
fn two_notify(stage: &Stage) {
    let condition = Condition::new();
    let waiter = condition.clone();
    stage.process(move || assert!(waiter.take(&forever())));
    for _ in 0..2 {
        let condition = condition.clone();
        stage.process(move || {
            stage::become_mortal();
            condition.put(1, 1);
        });
    }
    stage.join();
    check(&condition, 1);
}

/// Two notices, and one of the two that wait may die: the other one has the second.
fn two_notices(stage: &Stage) {
    let condition = Condition::new();
    taker(stage, &condition);
    taker(stage, &condition);
    let theirs = condition.clone();
    stage.process(move || (0..2).for_each(|_| theirs.put(1, 1)));
    stage.join();
    check(&condition, 0);
}

fn all_notified(stage: &Stage) {
    let condition = Condition::new();
    taker(stage, &condition);
    taker(stage, &condition);
    let theirs = condition.clone();
    stage.process(move || theirs.put(2, u32::MAX));
    stage.join();
    check(&condition, 0);
}

/// Who gives up takes no notice of another's with it.
fn one_gives_up(stage: &Stage) {
    let condition = Condition::new();
    let hasty = condition.clone();
    stage.process(move || {
        stage::be_patient(1);
        if hasty.take(&impatient()) {
            hasty.put(1, 1);
        }
    });
    taker(stage, &condition);
    let theirs = condition.clone();
    stage.process(move || theirs.put(1, 1));
    stage.join();
    check(&condition, 0);
}

/// The wait gives the lock away at all levels, and takes it again at as many.
fn two_levels(stage: &Stage) {
    let condition = Condition::new();
    let theirs = condition.clone();
    stage.process(move || {
        stage::become_mortal();
        theirs.lock();
        theirs.lock();
        let place = Place::new(&theirs.memory);
        while theirs.stock() == 0 {
            let waited = theirs
                .notices()
                .wait(place.slot().unwrap(), &forever(), Owed::default());
            theirs.repair(waited.news);
            assert_eq!(exclusion::depth(&theirs.lock), 2);
        }
        theirs.unlock();
        assert!(exclusion::is_mine(&theirs.lock));
        theirs.unlock();
    });
    let other = condition.clone();
    stage.process(move || other.put(1, 1));
    stage.join();
    check(&condition, 1);
    assert!(exclusion::try_take(&condition.lock).is_some());
}

/// So many takers, and two who put, one notice for each thing.
pub(crate) fn many(stage: &Stage, takers: u32) {
    let condition = Condition::new();
    for _ in 0..takers {
        taker(stage, &condition);
    }
    for part in [takers / 2, takers - takers / 2] {
        let condition = condition.clone();
        stage.process(move || (0..part).for_each(|_| condition.put(1, 1)));
    }
    stage.join();
    check(&condition, 0);
}
