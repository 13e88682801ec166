//! Who works on a value dies: it is given again until it is finished, and who joins is told.

use std::cell::Cell;

use core_process::ForkProcess;
use grader::stepping::{Scene, WATCHDOG, mark};
use ipc::{GetError, JoinQueueError, JoinableQueue, TaskConsumer, TaskProducer};

use super::{VICTIM, memory_of};

/// Finishes what is there; the values, in order, and how often the last one was given.
fn finish_all(consumer: &TaskConsumer<u32>) -> Result<(Vec<u32>, u64), String> {
    let (mut values, mut deliveries) = (Vec::new(), 0);
    loop {
        match consumer.try_get() {
            Ok(item) => {
                values.push(*item);
                deliveries = item.deliveries();
                item.task_done();
            }
            Err(GetError::Empty) => return Ok((values, deliveries)),
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// Nothing is unfinished, and when the last producer goes consumers are told.
fn ends(producer: TaskProducer<u32>, consumer: TaskConsumer<u32>) -> Box<dyn FnOnce() -> Result<(), String>> {
    Box::new(move || {
        producer
            .join_timeout(WATCHDOG)
            .map_err(|error| format!("at the end: {error}"))?;
        if producer.unfinished() != 0 {
            return Err(format!("{} are unfinished", producer.unfinished()));
        }
        drop(producer);
        match consumer.get_timeout(WATCHDOG) {
            Err(GetError::Disconnected) => Ok(()),
            other => Err(format!("at the end: {other:?}")),
        }
    })
}

pub(crate) fn put() -> Scene {
    let (producer, consumer) = JoinableQueue::new().unwrap().split();
    producer.put(&0).unwrap();
    let (theirs, ours, takes) = (producer.clone(), producer.clone(), consumer.clone());
    Scene {
        shared: memory_of(&producer),
        victim: Box::new(move || {
            mark();
            theirs.put(&VICTIM).unwrap();
            mark();
        }),
        sleepers: vec![],
        check: Box::new(move || {
            ours.put_timeout(&1, WATCHDOG)
                .map_err(|error| error.to_string())?;
            match &finish_all(&takes)?.0[..] {
                [0, VICTIM, 1] => Ok("put"),
                [0, 1] => Ok("not put"),
                other => Err(format!("{other:?}")),
            }
        }),
        end: ends(producer, consumer),
    }
}

/// The victim dies with the item in hand or before: it is given again.
pub(crate) fn get() -> Scene {
    let (producer, consumer) = JoinableQueue::new().unwrap().split();
    producer.put(&0).unwrap();
    producer.put(&1).unwrap();
    let (theirs, takes) = (consumer.clone(), consumer.clone());
    Scene {
        shared: memory_of(&producer),
        victim: Box::new(move || {
            mark();
            let item = theirs.get().unwrap();
            mark();
            std::mem::forget(item);
        }),
        sleepers: vec![],
        check: Box::new(move || {
            let (mut values, _) = finish_all(&takes)?;
            let found = if values == [0, 1] {
                "before the next"
            } else {
                "after the next"
            };
            values.sort_unstable();
            if values == [0, 1] {
                Ok(found)
            } else {
                Err(format!("{values:?}"))
            }
        }),
        end: ends(producer, consumer),
    }
}

/// A first consumer has died with the item; the victim gets it, and dies as well.
pub(crate) fn get_from_the_dead() -> Scene {
    let (producer, consumer) = JoinableQueue::new().unwrap().split();
    producer.put(&0).unwrap();
    let first = consumer.clone();
    let dies = ForkProcess::new(move || {
        std::mem::forget(first.get().unwrap());
    });
    let child = dies.start().unwrap();
    child.wait().unwrap();
    drop((child, dies));
    let (theirs, takes) = (consumer.clone(), consumer.clone());
    Scene {
        shared: memory_of(&producer),
        victim: Box::new(move || {
            mark();
            let item = theirs.get().unwrap();
            assert_eq!(item.deliveries(), 2);
            mark();
            std::mem::forget(item);
        }),
        sleepers: vec![],
        check: Box::new(move || match finish_all(&takes)? {
            (values, 2) if values == [0] => Ok("given twice"),
            (values, 3) if values == [0] => Ok("given three times"),
            other => Err(format!("{other:?}")),
        }),
        end: ends(producer, consumer),
    }
}

/// Gets before the operation begins, and settles by it.
pub(crate) fn finish() -> Scene {
    let (producer, consumer) = JoinableQueue::new().unwrap().split();
    producer.put(&0).unwrap();
    let (theirs, takes, joins) = (consumer.clone(), consumer.clone(), producer.clone());
    Scene {
        shared: memory_of(&producer),
        victim: Box::new(move || {
            let item = theirs.get().unwrap();
            mark();
            item.task_done();
            mark();
        }),
        sleepers: vec![Box::new(move || joins.join().is_ok())],
        check: Box::new(move || match finish_all(&takes)? {
            (values, _) if values.is_empty() => Ok("finished"),
            (values, 2) if values == [0] => Ok("given again"),
            other => Err(format!("{other:?}")),
        }),
        end: ends(producer, consumer),
    }
}

/// What is finished stays until all before it is.
pub(crate) fn finish_out_of_order() -> Scene {
    let (producer, consumer) = JoinableQueue::new().unwrap().split();
    (0..3).for_each(|value| producer.put(&value).unwrap());
    let (theirs, takes) = (consumer.clone(), consumer.clone());
    Scene {
        shared: memory_of(&producer),
        victim: Box::new(move || {
            let items = [(); 3].map(|()| theirs.get().unwrap());
            mark();
            items.into_iter().rev().for_each(ipc::Item::task_done);
            mark();
        }),
        sleepers: vec![],
        check: Box::new(move || match &finish_all(&takes)?.0[..] {
            [] => Ok("all finished"),
            [0] => Ok("one given again"),
            [0, 1] => Ok("two given again"),
            [0, 1, 2] => Ok("all given again"),
            other => Err(format!("{other:?}")),
        }),
        end: ends(producer, consumer),
    }
}

pub(crate) fn nack() -> Scene {
    let (producer, consumer) = JoinableQueue::new().unwrap().split();
    producer.put(&0).unwrap();
    let (theirs, sleeps) = (consumer.clone(), consumer.clone());
    Scene {
        shared: memory_of(&producer),
        victim: Box::new(move || {
            let item = theirs.get().unwrap();
            mark();
            item.nack();
            mark();
        }),
        sleepers: vec![Box::new(move || {
            let item = sleeps.get().unwrap();
            *item == 0 && item.deliveries() == 2
        })],
        check: Box::new(|| Ok("the sleeper has it")),
        end: ends(producer, consumer),
    }
}

/// The queue is closed while a value is being worked on: who waits for it gets it if its consumer dies, and then the end.
pub(crate) fn close() -> Scene {
    let (producer, consumer) = JoinableQueue::new().unwrap().split();
    producer.put(&0).unwrap();
    let (theirs, sleeps) = (consumer.clone(), consumer.clone());
    Scene {
        shared: memory_of(&producer),
        victim: Box::new(move || {
            let item = theirs.get().unwrap();
            mark();
            theirs.close();
            item.task_done();
            mark();
        }),
        sleepers: vec![Box::new(move || {
            let rest: Vec<u32> = sleeps.iter().map(|item| *item.unwrap()).collect();
            rest.is_empty() || rest == [0]
        })],
        check: Box::new(move || {
            let found = if producer.is_closed() {
                "closed"
            } else {
                "not closed"
            };
            producer.close();
            producer
                .join_timeout(WATCHDOG)
                .map_err(|error| error.to_string())?;
            Ok(found)
        }),
        end: Box::new(move || match consumer.get_timeout(WATCHDOG) {
            Err(GetError::Closed) => Ok(()),
            other => Err(format!("at the end: {other:?}")),
        }),
    }
}

/// The victim works with the only consumer: who joins is told that nobody will ever finish.
pub(crate) fn last_consumer() -> Scene {
    let (producer, consumer) = JoinableQueue::new().unwrap().split();
    (0..2).for_each(|value| producer.put(&value).unwrap());
    let shared = memory_of(&producer);
    let joins = producer.clone();
    let theirs = Cell::new(Some(consumer));
    Scene {
        shared,
        victim: Box::new(move || {
            let consumer = theirs.take().unwrap();
            let item = consumer.get().unwrap();
            mark();
            drop(item);
            drop(consumer);
            mark();
        }),
        sleepers: vec![Box::new(move || {
            matches!(joins.join(), Err(JoinQueueError::Abandoned))
        })],
        check: Box::new(move || match producer.join_timeout(WATCHDOG) {
            Err(JoinQueueError::Abandoned) => Ok("told"),
            other => Err(format!("{other:?}")),
        }),
        end: Box::new(|| Ok(())),
    }
}
