//! The leases: what is not finished is given again, whoever dies with it, and nobody waits for the dead.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Queue, short, whole};
use crate::queue::buffer::Buffer;
use crate::queue::leases::{Lease, Leases, remove_finished, unfinished};
use crate::queue::ring::Getting;
use crate::queue::sleepers::{sleep, wake_all, wake_one};
use crate::scene::Scene;
use crate::stage::{self, Stage};

pub(crate) const SCENES: &[Scene] = &[
    Scene {
        name: "leases: one is there, two work",
        play: two_work,
        preemptions: 2,
        victims: &[2],
        preemptions_with_death: 1,
    },
    Scene {
        name: "leases: one gives back, one works",
        play: gives_back,
        preemptions: 2,
        victims: &[2],
        preemptions_with_death: 1,
    },
    Scene {
        name: "leases: the later first, one joins",
        play: the_later_first,
        preemptions: 2,
        victims: &[2],
        preemptions_with_death: 1,
    },
];

fn queue(values: u8) -> Arc<Queue> {
    let queue = Queue::create(None, Getting::Leases);
    (1..=values).for_each(|number| queue.put(&short(number)));
    queue
}

/// As `work.rs` puts it together.
fn try_lease(queue: &Queue, leases: &Leases) -> Option<(Lease, u8)> {
    let mut bytes = Buffer::new();
    let _guard = queue.consumers.take();
    let lease = leases.take(&queue.ring).unwrap()?;
    queue.ring.copy(&lease.record, &mut bytes).unwrap();
    Some((lease, whole(bytes.value())))
}

fn finish(queue: &Queue, leases: &Leases, lease: &Lease) {
    {
        let _guard = queue.consumers.take();
        leases.finish(&queue.ring, lease).unwrap();
    }
    if queue.ring.len() == 0 {
        for word in [queue.ring.items(), queue.ring.room(), queue.ring.done()] {
            wake_all(word);
        }
    }
}

fn give_back(queue: &Queue, leases: &Leases, lease: &Lease) {
    {
        let _guard = queue.consumers.take();
        leases.give_back(&queue.ring, lease).unwrap();
    }
    wake_one(queue.ring.items());
}

/// Works until nothing is left that could come back, and notes what it has finished.
fn work(queue: &Queue, finished: &Mutex<Vec<u8>>) {
    let leases = Leases::new();
    loop {
        if let Some((lease, value)) = try_lease(queue, &leases) {
            finished.lock().unwrap().push(value);
            finish(queue, &leases, &lease);
            continue;
        }
        {
            let _guard = queue.consumers.take();
            if unfinished(&queue.ring).unwrap() == 0 {
                return;
            }
        }
        sleep(queue.ring.items(), Duration::ZERO, || {
            queue.ring.waiting() > 0 || queue.ring.may_have_returns() || queue.ring.len() == 0
        });
    }
}

/// Everything is finished, and was once if nobody has died.
fn all_finished(queue: &Queue, finished: &Mutex<Vec<u8>>, expected: &[u8]) {
    // As whoever joins does: somebody may have died between the last two steps of finishing.
    remove_finished(&queue.ring).unwrap();
    assert_eq!(queue.ring.len(), 0, "something is left");
    let mut finished = finished.lock().unwrap().clone();
    finished.sort_unstable();
    if stage::has_died() {
        finished.dedup();
    }
    assert_eq!(finished, expected);
}

fn two_work(stage: &Stage) {
    let queue = queue(1);
    let finished = Arc::new(Mutex::new(Vec::new()));
    for number in 1..=2 {
        let (theirs, finished) = (Arc::clone(&queue), Arc::clone(&finished));
        stage.process(move || {
            if number == 1 {
                stage::become_mortal();
            }
            work(&theirs, &finished);
        });
    }
    stage.join();
    all_finished(&queue, &finished, &[1]);
}

/// One gets it and gives it back; the other one works until all is done.
fn gives_back(stage: &Stage) {
    let queue = queue(1);
    let finished = Arc::new(Mutex::new(Vec::new()));
    let theirs = Arc::clone(&queue);
    stage.process(move || {
        stage::become_mortal();
        let leases = Leases::new();
        if let Some((lease, _)) = try_lease(&theirs, &leases) {
            give_back(&theirs, &leases, &lease);
        }
    });
    let (theirs, noted) = (Arc::clone(&queue), Arc::clone(&finished));
    stage.process(move || work(&theirs, &noted));
    stage.join();
    all_finished(&queue, &finished, &[1]);
}

/// One has both and finishes the later first; the other one waits for all, and works on what is left if that one dies.
fn the_later_first(stage: &Stage) {
    let queue = queue(2);
    let theirs = Arc::clone(&queue);
    stage.process(move || {
        stage::become_mortal();
        let leases = Leases::new();
        let both = [(); 2].map(|()| try_lease(&theirs, &leases));
        for (lease, _) in both.iter().rev().flatten() {
            finish(&theirs, &leases, lease);
        }
    });
    let theirs = Arc::clone(&queue);
    stage.process(move || {
        if stage::has_deaths() {
            // In the place of the dead.
            work(&theirs, &Mutex::new(Vec::new()));
        }
        while theirs.ring.len() > 0 {
            {
                let _guard = theirs.consumers.take();
                remove_finished(&theirs.ring).unwrap();
            }
            if theirs.ring.len() > 0 {
                sleep(theirs.ring.done(), Duration::ZERO, || theirs.ring.len() == 0);
            }
        }
    });
    stage.join();
    assert_eq!(queue.ring.len(), 0, "something is left");
}
