//! The objects of the storms: where values are put, where they are got, and how each comes to its end.

use std::time::Duration;

use ipc::{
    Consumer, GetError, Item, JoinableQueue, Producer, Queue, Receiver, RecvError, Sender, SimpleQueue,
    TaskConsumer, TaskProducer, pipe,
};
use serde::{Deserialize, Serialize};

use crate::work::Value;

/// The objects, in the order of the table. In the second one every other value carries a descriptor.
pub(crate) const NAMES: [&str; 5] = ["Queue", "Queue of files", "SimpleQueue", "JoinableQueue", "pipe"];

/// Where producers put.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum To {
    Queue(Producer<Value>),
    Files(Producer<Value>),
    Simple(SimpleQueue<Value>),
    Tasks(TaskProducer<Value>),
    Pipe(Sender<Value>),
}

/// Where consumers get.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum From {
    Queue(Consumer<Value>),
    Simple(SimpleQueue<Value>),
    Tasks(TaskConsumer<Value>),
    Pipe(Receiver<Value>),
}

/// What a consumer has got.
pub(crate) enum Got {
    Value(Value),
    Task(Item<Value>),
    /// Nothing will come any more.
    End,
}

pub(crate) fn create(name: &str) -> (To, From) {
    match name {
        "Queue" => {
            let (to, from) = Queue::bounded(64).unwrap().split();
            (To::Queue(to), From::Queue(from))
        }
        "Queue of files" => {
            let (to, from) = Queue::bounded(64).unwrap().split();
            (To::Files(to), From::Queue(from))
        }
        "SimpleQueue" => {
            let queue = SimpleQueue::new().unwrap();
            (To::Simple(queue.clone()), From::Simple(queue))
        }
        "JoinableQueue" => {
            let (to, from) = JoinableQueue::bounded(64).unwrap().split();
            (To::Tasks(to), From::Tasks(from))
        }
        _ => {
            let (to, from) = pipe().unwrap();
            (To::Pipe(to), From::Pipe(from))
        }
    }
}

impl To {
    /// Puts, and waits for room as long as it takes.
    pub(crate) fn put(&self, value: &Value) -> Result<(), String> {
        match self {
            Self::Queue(to) | Self::Files(to) => to.put(value).map_err(|error| error.to_string()),
            Self::Simple(to) => to.put(value).map_err(|error| error.to_string()),
            Self::Tasks(to) => to.put(value).map_err(|error| error.to_string()),
            Self::Pipe(to) => to.send(value).map_err(|error| error.to_string()),
        }
    }

    /// Whether values may have descriptors inside; each other one has.
    pub(crate) fn carries_files(&self) -> bool {
        matches!(self, Self::Files(_) | Self::Pipe(_))
    }
}

impl From {
    /// Gets, and waits as long as it takes.
    pub(crate) fn get(&self) -> Result<Got, String> {
        let queued = |got: Result<Value, GetError>| match got {
            Ok(value) => Ok(Got::Value(value)),
            Err(error) if error.is_end() => Ok(Got::End),
            Err(error) => Err(error.to_string()),
        };
        match self {
            Self::Queue(from) => queued(from.get()),
            Self::Simple(from) => queued(from.get()),
            Self::Tasks(from) => match from.get() {
                Ok(item) => Ok(Got::Task(item)),
                Err(error) if error.is_end() => Ok(Got::End),
                Err(error) => Err(error.to_string()),
            },
            Self::Pipe(from) => match from.recv() {
                Ok(value) => Ok(Got::Value(value)),
                Err(RecvError::Disconnected) => Ok(Got::End),
                Err(error) => Err(error.to_string()),
            },
        }
    }
}

/// All producers have gone: what is left is finished, and consumers are told of the end, in one way or the other.
pub(crate) fn finish(to: To, from: &From, round: u32, patience: Duration) -> Result<(), String> {
    if let To::Tasks(tasks) = &to {
        tasks
            .join_timeout(patience)
            .map_err(|error| format!("the join: {error}, {} are unfinished", tasks.unfinished()))?;
    }
    match from {
        // There everybody is a producer as well.
        From::Simple(queue) => queue.close(),
        From::Queue(queue) if round.is_multiple_of(2) => queue.close(),
        From::Tasks(tasks) if round.is_multiple_of(2) => tasks.close(),
        From::Queue(_) | From::Tasks(_) | From::Pipe(_) => {}
    }
    drop(to);
    Ok(())
}
