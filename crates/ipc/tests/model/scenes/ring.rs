//! The ring, its caches, its two places for each count; alone and with its sleepers.

use std::sync::{Arc, Mutex};

use super::{Queue, short, value, whole};
use crate::scene::Scene;
use crate::stage::{self, Stage};

pub(crate) const SCENES: &[Scene] = &[
    Scene {
        name: "ring: one puts two, one gets two",
        play: two_go_through,
        preemptions: 3,
        victims: &[],
        preemptions_with_death: 0,
    },
    Scene {
        name: "ring: two put, one gets",
        play: two_put,
        preemptions: 2,
        victims: &[2],
        preemptions_with_death: 1,
    },
    Scene {
        name: "ring: two are there, two get",
        play: two_get,
        preemptions: 3,
        victims: &[2],
        preemptions_with_death: 2,
    },
    Scene {
        name: "ring: one is allowed, two are put",
        play: bounded,
        preemptions: 2,
        victims: &[],
        preemptions_with_death: 0,
    },
    Scene {
        name: "ring: one gets two, one looks",
        play: one_looks,
        preemptions: 3,
        victims: &[2],
        preemptions_with_death: 2,
    },
    Scene {
        name: "ring: the room is used again",
        play: used_again,
        preemptions: 3,
        victims: &[2, 3],
        preemptions_with_death: 1,
    },
    Scene {
        name: "ring: it grows, one gets",
        play: grows,
        preemptions: 3,
        victims: &[2],
        preemptions_with_death: 2,
    },
];

/// What processes have got, in order.
type Seen = Arc<Mutex<Vec<u8>>>;

fn seen() -> Seen {
    Arc::default()
}

/// A process that is not killed while it notes what it has got.
fn note(seen: &Seen, bytes: &[u8]) {
    seen.lock().unwrap().push(whole(bytes));
}

fn two_go_through(stage: &Stage) {
    let queue = Queue::new(None);
    let seen = seen();
    let theirs = Arc::clone(&queue);
    stage.process(move || {
        theirs.put(&value(1));
        theirs.put(&value(2));
    });
    let (theirs, noted) = (Arc::clone(&queue), Arc::clone(&seen));
    stage.process(move || {
        for _ in 0..2 {
            note(&noted, &theirs.get());
        }
    });
    stage.join();
    assert_eq!(*seen.lock().unwrap(), [1, 2]);
    assert!(queue.rest().is_empty());
}

/// One of two may die: what the other one puts is got, and at most one more.
fn two_put(stage: &Stage) {
    let queue = Queue::new(None);
    let seen = seen();
    for number in 1..=2 {
        let theirs = Arc::clone(&queue);
        stage.process(move || {
            if number == 1 {
                stage::become_mortal();
            }
            theirs.put(&value(number));
        });
    }
    let (theirs, noted) = (Arc::clone(&queue), Arc::clone(&seen));
    stage.process(move || note(&noted, &theirs.get()));
    stage.join();
    let mut all = seen.lock().unwrap().clone();
    all.extend(queue.rest());
    all.sort_unstable();
    assert!(all == [1, 2] || all == [2] && stage::has_died(), "{all:?}");
}

/// One of two may die: it takes at most one value with it.
fn two_get(stage: &Stage) {
    let queue = Queue::new(None);
    let seen = seen();
    queue.put(&value(1));
    queue.put(&value(2));
    for number in 1..=2 {
        let (theirs, noted) = (Arc::clone(&queue), Arc::clone(&seen));
        stage.process(move || {
            if number == 1 {
                stage::become_mortal();
            }
            note(&noted, &theirs.try_get().unwrap());
        });
    }
    stage.join();
    let mut all = seen.lock().unwrap().clone();
    all.extend(queue.rest());
    all.sort_unstable();
    let is_whole = all == [1, 2];
    assert!(is_whole || stage::has_died() && all.len() == 1, "{all:?}");
}

fn bounded(stage: &Stage) {
    let queue = Queue::new(Some(1));
    let seen = seen();
    let theirs = Arc::clone(&queue);
    stage.process(move || {
        theirs.put(&value(1));
        theirs.put(&value(2));
    });
    let (theirs, noted) = (Arc::clone(&queue), Arc::clone(&seen));
    stage.process(move || {
        for _ in 0..2 {
            note(&noted, &theirs.get());
            assert!(theirs.ring.len() <= 1);
        }
    });
    stage.join();
    assert_eq!(*seen.lock().unwrap(), [1, 2]);
}

/// Without a lock the count and the place of the first record are seen as they belong together.
fn one_looks(stage: &Stage) {
    let queue = Queue::new(None);
    (1..=3).for_each(|number| queue.put(&short(number)));
    let theirs = Arc::clone(&queue);
    stage.process(move || {
        stage::become_mortal();
        for number in 1..=2 {
            assert_eq!(theirs.try_get().unwrap(), short(number));
        }
    });
    let theirs = Arc::clone(&queue);
    stage.process(move || {
        let (count, place) = theirs.ring.first_place();
        assert_eq!(place, count * 8, "the place of another count");
    });
    stage.join();
    let (count, place) = queue.ring.first_place();
    assert_eq!(place, count * 8, "the place of another count");
    assert_eq!(queue.rest().len() as u64, 3 - count);
}

/// The ring is full but for a word; the next value takes that, and the one after it what a consumer leaves. Whoever dies, what is there
/// is whole and in order.
fn used_again(stage: &Stage) {
    let queue = Queue::new(None);
    let seen = seen();
    // One large record, one small.
    assert!(queue.try_put(&vec![0; 65536 - 24]));
    assert!(queue.try_put(&short(1)));
    let theirs = Arc::clone(&queue);
    stage.process(move || {
        stage::become_mortal();
        // What it has seen of the consumer stays in its words for the second attempt.
        let _ = theirs.try_put(&short(2)) && (theirs.try_put(&short(3)) || theirs.try_put(&short(3)));
    });
    let (theirs, noted) = (Arc::clone(&queue), Arc::clone(&seen));
    stage.process(move || {
        stage::become_mortal();
        {
            let _guard = theirs.consumers.take();
            let first = theirs.ring.first().unwrap().unwrap();
            assert_eq!(first.next(), 65536 - 16, "another record lies there");
            theirs.ring.remove(&first);
        }
        note(&noted, &theirs.try_get().unwrap());
    });
    stage.join();
    if queue.ring.first_place().0 == 0 {
        // It died before it had taken the large one.
        let first = queue.ring.first().unwrap().unwrap();
        queue.ring.remove(&first);
    }
    let mut all = seen.lock().unwrap().clone();
    all.extend(queue.rest());
    let is_in_order = [&[1, 2, 3][..], &[1, 2]].contains(&&all[..]);
    let after_a_death = [&[1][..], &[], &[2], &[2, 3]].contains(&&all[..]);
    assert!(is_in_order || stage::has_died() && after_a_death, "{all:?}");
}

/// A record lies over the edge, so half of it moves. A death on the way leaves the ring as it was.
fn grows(stage: &Stage) {
    let queue = Queue::new(None);
    let seen = seen();
    queue.advance(65528);
    queue.put(&value(1));
    queue.put(&short(2));
    let theirs = Arc::clone(&queue);
    stage.process(move || {
        stage::become_mortal();
        theirs.grow();
        assert!(theirs.try_put(&short(3)));
    });
    let (theirs, noted) = (Arc::clone(&queue), Arc::clone(&seen));
    stage.process(move || {
        for _ in 0..2 {
            note(&noted, &theirs.get());
        }
    });
    stage.join();
    let mut all = seen.lock().unwrap().clone();
    all.extend(queue.rest());
    assert!(all == [1, 2, 3] || all == [1, 2] && stage::has_died(), "{all:?}");
}
