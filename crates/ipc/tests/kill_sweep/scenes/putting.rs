//! A producer dies.

use std::sync::OnceLock;
use std::sync::atomic::Ordering::SeqCst;

use grader::stepping::{Scene, WATCHDOG, mark};
use ipc::{PutError, Queue, SimpleQueue};

use super::{
    A_MOMENT, EDGE, SLEEPER, VICTIM, Value, either, ends, memory_at_the_edge, memory_of, note, rest,
    room_of_ring, size_of_ring,
};

/// One value is there, the victim puts one, and then the main process does.
fn puts(len: usize, count: usize) -> Scene {
    let (producer, consumer) = Queue::new().unwrap().split();
    producer.put(&Value::new(0, len, count)).unwrap();
    let (theirs, ours, takes) = (producer.clone(), producer.clone(), consumer.clone());
    let value = Value::new(VICTIM, len, count);
    Scene {
        shared: memory_of(&producer),
        victim: Box::new(move || {
            mark();
            theirs.put(&value).unwrap();
            mark();
        }),
        sleepers: vec![],
        check: Box::new(move || {
            ours.put_timeout(&Value::new(1, len, count), WATCHDOG)
                .map_err(|error| error.to_string())?;
            let found = rest(&takes, len, count)?;
            either(&found, (&[0, VICTIM, 1], "put"), (&[0, 1], "not put"))
        }),
        end: ends(producer, consumer),
    }
}

pub(crate) fn put() -> Scene {
    puts(1, 0)
}

pub(crate) fn put_descriptors() -> Scene {
    puts(1, 2)
}

pub(crate) fn put_for_a_sleeper() -> Scene {
    let (producer, consumer) = Queue::new().unwrap().split();
    let note = note();
    let noted = note.try_clone().unwrap();
    let (theirs, ours) = (producer.clone(), producer.clone());
    let (sleeps, takes) = (consumer.clone(), consumer.clone());
    let end = ends(producer.clone(), consumer);
    Scene {
        shared: memory_of(&producer),
        victim: Box::new(move || {
            mark();
            theirs.put(&Value::small(VICTIM)).unwrap();
            mark();
        }),
        sleepers: vec![Box::new(move || {
            let from = sleeps.get().unwrap().whose(1, 0).unwrap();
            note.atomic_u32(0).store(from, SeqCst);
            true
        })],
        check: Box::new(move || {
            // Whether the victim's is there or not, the sleeper gets one.
            ours.put_timeout(&Value::small(1), WATCHDOG)
                .map_err(|error| error.to_string())?;
            Ok("the sleeper has one")
        }),
        end: Box::new(move || {
            drop(producer);
            let mut got = vec![noted.atomic_u32(0).load(SeqCst)];
            got.extend(rest(&takes, 1, 0)?);
            either(&got, (&[VICTIM, 1], ""), (&[1], ""))?;
            drop(takes);
            end()
        }),
    }
}

/// The values that fit into the ring, found out once.
pub(super) fn room() -> u32 {
    static ROOM: OnceLock<u32> = OnceLock::new();
    *ROOM.get_or_init(room_of_ring)
}

/// So many values have come and gone that the next one does not fit before the end of the ring.
pub(crate) fn put_over_the_edge() -> Scene {
    let (producer, consumer) = Queue::new().unwrap().split();
    for _ in 0..room() {
        producer.put(&Value::new(0, EDGE, 0)).unwrap();
        consumer.get().unwrap();
    }
    let shared = memory_at_the_edge(&producer);
    let (theirs, ours, takes) = (producer.clone(), producer.clone(), consumer.clone());
    Scene {
        shared,
        victim: Box::new(move || {
            mark();
            theirs.put(&Value::new(VICTIM, EDGE, 0)).unwrap();
            mark();
        }),
        sleepers: vec![],
        check: Box::new(move || {
            ours.put_timeout(&Value::new(1, EDGE, 0), WATCHDOG)
                .map_err(|error| error.to_string())?;
            either(&rest(&takes, EDGE, 0)?, (&[VICTIM, 1], "put"), (&[1], "not put"))
        }),
        end: ends(producer, consumer),
    }
}

/// A ring that is full and whose last record lies over its edge: what lies there moves when it grows.
pub(crate) fn put_that_grows() -> Scene {
    let (producer, consumer) = Queue::new().unwrap().split();
    for number in 0..room() + 2 {
        if number >= room() {
            consumer.get().unwrap();
        }
        producer.put(&Value::new(number, EDGE, 0)).unwrap();
    }
    let before = size_of_ring(&producer);
    let shared = memory_at_the_edge(&producer);
    let (theirs, ours, takes) = (producer.clone(), producer.clone(), consumer.clone());
    Scene {
        shared,
        victim: Box::new(move || {
            mark();
            theirs.put(&Value::new(VICTIM, EDGE, 0)).unwrap();
            mark();
        }),
        sleepers: vec![],
        check: Box::new(move || {
            ours.put_timeout(&Value::new(room() + 2, EDGE, 0), WATCHDOG)
                .map_err(|error| error.to_string())?;
            if size_of_ring(&ours) <= before {
                return Err("the ring has not grown".to_owned());
            }
            let without: Vec<u32> = (2..=room() + 2).collect();
            let mut with = without.clone();
            with.insert(with.len() - 1, VICTIM);
            either(&rest(&takes, EDGE, 0)?, (&with, "put"), (&without, "not put"))
        }),
        end: ends(producer, consumer),
    }
}

/// No value more is allowed: the victim sleeps once, and gives up.
pub(crate) fn put_in_vain() -> Scene {
    let (producer, consumer) = Queue::bounded(1).unwrap().split();
    producer.put(&Value::small(0)).unwrap();
    let (theirs, sleeps, takes) = (producer.clone(), producer.clone(), consumer.clone());
    Scene {
        shared: memory_of(&producer),
        victim: Box::new(move || {
            mark();
            let outcome = theirs.put_timeout(&Value::small(VICTIM), A_MOMENT);
            assert!(matches!(outcome, Err(PutError::TimedOut)), "{outcome:?}");
            mark();
        }),
        // Another one that waits for room gets it, whoever else has slept there.
        sleepers: vec![Box::new(move || sleeps.put(&Value::small(SLEEPER)).is_ok())],
        check: Box::new(move || {
            let mut found = Vec::new();
            for _ in 0..2 {
                let value = takes.get_timeout(WATCHDOG).map_err(|error| error.to_string())?;
                found.push(value.whose(1, 0)?);
            }
            either(&found, (&[0, SLEEPER], "the sleeper's"), (&[], ""))
        }),
        end: ends(producer, consumer),
    }
}

pub(crate) fn simple() -> Scene {
    let queue = SimpleQueue::new().unwrap();
    queue.put(&0_u32).unwrap();
    let (theirs, ours, at_the_end) = (queue.clone(), queue.clone(), queue.clone());
    Scene {
        shared: memory_of(&queue),
        victim: Box::new(move || {
            mark();
            theirs.put(&VICTIM).unwrap();
            theirs.get().unwrap();
            mark();
        }),
        sleepers: vec![],
        check: Box::new(move || {
            ours.put_timeout(&1, WATCHDOG)
                .map_err(|error| error.to_string())?;
            let found: Vec<u32> = std::iter::from_fn(|| ours.try_get().ok()).collect();
            match &found[..] {
                [0, 1] => Ok("nothing yet"),
                [0, VICTIM, 1] => Ok("put"),
                [VICTIM, 1] => Ok("put and got"),
                other => Err(format!("{other:?}")),
            }
        }),
        end: Box::new(move || {
            at_the_end.close();
            at_the_end
                .get_timeout(WATCHDOG)
                .map_or_else(|_| Ok(()), |more| Err(format!("{more} at the end")))
        }),
    }
}
