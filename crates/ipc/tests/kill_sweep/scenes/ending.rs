//! Who closes a queue dies, or who has the last handle of a side drops it and dies.

use std::cell::Cell;

use grader::stepping::{Scene, WATCHDOG, mark};
use ipc::{GetError, PutError, Queue};

use super::{SLEEPER, Value, memory_of};

pub(crate) fn close_for_a_consumer() -> Scene {
    let (producer, consumer) = Queue::<Value>::new().unwrap().split();
    let (theirs, sleeps) = (producer.clone(), consumer.clone());
    Scene {
        shared: memory_of(&producer),
        victim: Box::new(move || {
            mark();
            theirs.close();
            mark();
        }),
        sleepers: vec![Box::new(move || matches!(sleeps.get(), Err(GetError::Closed)))],
        check: Box::new(move || {
            let found = if producer.is_closed() {
                "closed"
            } else {
                "not closed"
            };
            producer.close();
            match (
                producer.put_timeout(&Value::small(0), WATCHDOG),
                consumer.get_timeout(WATCHDOG),
            ) {
                (Err(PutError::Closed), Err(GetError::Closed)) => Ok(found),
                other => Err(format!("{other:?}")),
            }
        }),
        end: Box::new(|| Ok(())),
    }
}

/// What was put before can still be got.
pub(crate) fn close_for_a_producer() -> Scene {
    let (producer, consumer) = Queue::bounded(1).unwrap().split();
    producer.put(&Value::small(0)).unwrap();
    let (theirs, sleeps) = (consumer.clone(), producer.clone());
    Scene {
        shared: memory_of(&producer),
        victim: Box::new(move || {
            mark();
            theirs.close();
            mark();
        }),
        sleepers: vec![Box::new(move || {
            matches!(sleeps.put(&Value::small(SLEEPER)), Err(PutError::Closed))
        })],
        check: Box::new(move || {
            let found = if producer.is_closed() {
                "closed"
            } else {
                "not closed"
            };
            producer.close();
            let first = consumer.get_timeout(WATCHDOG).map(|value| value.whose(1, 0));
            match (first, consumer.get_timeout(WATCHDOG)) {
                (Ok(Ok(0)), Err(GetError::Closed)) => Ok(found),
                other => Err(format!("{other:?}")),
            }
        }),
        end: Box::new(|| Ok(())),
    }
}

/// The victim has the only producer; it is gone with the drop or with the death.
pub(crate) fn last_producer() -> Scene {
    let (producer, consumer) = Queue::<Value>::new().unwrap().split();
    let shared = memory_of(&producer);
    let sleeps = consumer.clone();
    let theirs = Cell::new(Some(producer));
    Scene {
        shared,
        victim: Box::new(move || {
            mark();
            drop(theirs.take());
            mark();
        }),
        sleepers: vec![Box::new(move || {
            matches!(sleeps.get(), Err(GetError::Disconnected))
        })],
        check: Box::new(move || match consumer.get_timeout(WATCHDOG) {
            Err(GetError::Disconnected) => Ok("told"),
            other => Err(format!("{other:?}")),
        }),
        end: Box::new(|| Ok(())),
    }
}

pub(crate) fn last_consumer() -> Scene {
    let (producer, consumer) = Queue::bounded(1).unwrap().split();
    producer.put(&Value::small(0)).unwrap();
    let shared = memory_of(&producer);
    let sleeps = producer.clone();
    let theirs = Cell::new(Some(consumer));
    Scene {
        shared,
        victim: Box::new(move || {
            mark();
            drop(theirs.take());
            mark();
        }),
        sleepers: vec![Box::new(move || {
            matches!(sleeps.put(&Value::small(SLEEPER)), Err(PutError::Disconnected))
        })],
        check: Box::new(move || match producer.put_timeout(&Value::small(1), WATCHDOG) {
            Err(PutError::Disconnected) => Ok("told"),
            other => Err(format!("{other:?}")),
        }),
        end: Box::new(|| Ok(())),
    }
}
