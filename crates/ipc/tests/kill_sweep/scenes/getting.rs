//! A consumer dies.

use core_process::codec;
use grader::stepping::{Scene, WATCHDOG, mark};
use ipc::{Consumer, GetError, Queue};

use super::putting::room;
use super::{
    A_MOMENT, EDGE, SLEEPER, VICTIM, Value, either, ends, memory_at_the_edge, memory_of, rest, size_of_ring,
};

/// Two are there, the victim gets one, and the main process puts a third and gets what is there.
fn gets(len: usize, count: usize) -> Scene {
    let (producer, consumer) = Queue::new().unwrap().split();
    for number in 0..2 {
        producer.put(&Value::new(number, len, count)).unwrap();
    }
    let (theirs, ours, takes) = (consumer.clone(), producer.clone(), consumer.clone());
    Scene {
        shared: memory_of(&producer),
        victim: Box::new(move || {
            mark();
            theirs.get().unwrap();
            mark();
        }),
        sleepers: vec![],
        check: Box::new(move || {
            ours.put_timeout(&Value::new(2, len, count), WATCHDOG)
                .map_err(|error| error.to_string())?;
            let found = rest(&takes, len, count)?;
            either(&found, (&[0, 1, 2], "not got"), (&[1, 2], "got"))
        }),
        end: ends(producer, consumer),
    }
}

pub(crate) fn get() -> Scene {
    gets(1, 0)
}

pub(crate) fn get_descriptors() -> Scene {
    gets(1, 2)
}

/// A producer waits for room: it puts when the victim has got, or the main process.
pub(crate) fn get_for_a_sleeper() -> Scene {
    let (producer, consumer) = Queue::bounded(1).unwrap().split();
    producer.put(&Value::small(0)).unwrap();
    let (theirs, sleeps, takes) = (consumer.clone(), producer.clone(), consumer.clone());
    Scene {
        shared: memory_of(&producer),
        victim: Box::new(move || {
            mark();
            theirs.get().unwrap();
            mark();
        }),
        sleepers: vec![Box::new(move || sleeps.put(&Value::small(SLEEPER)).is_ok())],
        check: Box::new(move || {
            let mut found = Vec::new();
            while found.last() != Some(&SLEEPER) {
                let value = takes.get_timeout(WATCHDOG).map_err(|error| error.to_string())?;
                found.push(value.whose(1, 0)?);
            }
            either(&found, (&[0, SLEEPER], "not got"), (&[SLEEPER], "got"))
        }),
        end: ends(producer, consumer),
    }
}

pub(crate) fn get_over_the_edge() -> Scene {
    let (producer, consumer) = Queue::new().unwrap().split();
    for _ in 0..room() {
        producer.put(&Value::new(0, EDGE, 0)).unwrap();
        consumer.get().unwrap();
    }
    producer.put(&Value::new(1, EDGE, 0)).unwrap();
    let shared = memory_at_the_edge(&producer);
    let (theirs, ours, takes) = (consumer.clone(), producer.clone(), consumer.clone());
    Scene {
        shared,
        victim: Box::new(move || {
            mark();
            theirs.get().unwrap();
            mark();
        }),
        sleepers: vec![],
        check: Box::new(move || {
            ours.put_timeout(&Value::new(2, EDGE, 0), WATCHDOG)
                .map_err(|error| error.to_string())?;
            let found = rest(&takes, EDGE, 0)?;
            either(&found, (&[1, 2], "not got"), (&[2], "got"))
        }),
        end: ends(producer, consumer),
    }
}

/// The victim's handle has mapped the first size alone.
pub(crate) fn get_after_a_growth() -> Scene {
    let (producer, consumer) = Queue::new().unwrap().split();
    let sent = codec::encode(&consumer).unwrap();
    let theirs: Consumer<Value> = codec::decode(&sent.bytes, sent.descriptors).unwrap();
    let first = size_of_ring(&producer);
    let many = room() + 3;
    for number in 0..many {
        producer.put(&Value::new(number, EDGE, 0)).unwrap();
    }
    assert!(size_of_ring(&producer) > first);
    let (ours, takes) = (producer.clone(), consumer.clone());
    Scene {
        shared: memory_of(&producer),
        victim: Box::new(move || {
            mark();
            theirs.get().unwrap();
            mark();
        }),
        sleepers: vec![],
        check: Box::new(move || {
            ours.put_timeout(&Value::new(many, EDGE, 0), WATCHDOG)
                .map_err(|error| error.to_string())?;
            let all: Vec<u32> = (0..=many).collect();
            let found = rest(&takes, EDGE, 0)?;
            either(&found, (&all, "not got"), (&all[1..], "got"))
        }),
        end: ends(producer, consumer),
    }
}

/// Nothing is there: the victim sleeps once, and gives up; another one, who sleeps as well, gets what comes.
pub(crate) fn get_in_vain() -> Scene {
    let (producer, consumer) = Queue::new().unwrap().split();
    let (theirs, sleeps, ours) = (consumer.clone(), consumer.clone(), producer.clone());
    Scene {
        shared: memory_of(&producer),
        victim: Box::new(move || {
            mark();
            let outcome = theirs.get_timeout(A_MOMENT);
            assert!(matches!(outcome, Err(GetError::TimedOut)), "{outcome:?}");
            mark();
        }),
        sleepers: vec![Box::new(move || {
            sleeps
                .get()
                .is_ok_and(|value: Value| value.whose(1, 0) == Ok(VICTIM + 1))
        })],
        check: Box::new(move || {
            ours.put_timeout(&Value::small(VICTIM + 1), WATCHDOG)
                .map_err(|error| error.to_string())?;
            Ok("the sleeper has it")
        }),
        end: ends(producer, consumer),
    }
}
