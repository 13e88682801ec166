//! `Queue`: values from any number of producers to any number of consumers, in the order in which they were put; and its ends.
//!
//! Invariant: a value for which `put` has returned is there until somebody has got it. The steps, and what a death at each leaves,
//! are in `queue/README.md`.
//! This file does not know how; see `queue/store.rs` and `queue/ring.rs`.

mod beneath;
mod buffer;
mod error;
mod forms;
mod get;
mod joinable;
mod leases;
mod pause;
mod put;
mod ring;
mod simple;
mod sleepers;
mod store;
mod work;

use std::io;
use std::marker::PhantomData;
use std::sync::Arc;

use core_process::Until;

use crate::channel::Patience;
use forms::{a_handle, getting, putting};
use ring::Getting;
use store::Side;

pub use error::{GetError, PutError};
pub use joinable::{Item, JoinQueueError, JoinableQueue, TaskConsumer, TaskProducer};
pub use simple::SimpleQueue;

/// No end of a wait.
static FOREVER: Until = Until::forever();

/// A queue between processes, and both of its ends: `multiprocessing.Queue`.
///
/// It is a value: an argument of a process, a result, a field, a part of a message; and a copy is the same queue. It has no feeder
/// thread: [`put`](Self::put) encodes, copies and publishes by itself, so what was put is there (for `try_get`, too), nothing is lost
/// when its producer ends, and a process can be joined before what it has put was got.
///
/// Who is killed at any instruction, in the middle of a `put` or a `get`, is nobody's trouble: its value is there whole or not at all,
/// and the others go on.
///
/// ```
/// use core_process::Process;
/// use ipc::{Consumer, Producer, Queue};
///
/// fn square(numbers: Consumer<u64>, squares: Producer<u64>) {
///     for number in numbers.iter() {
///         squares.put(&number.unwrap().pow(2)).unwrap();
///     }
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     core_process::init();
///     let (give, numbers) = Queue::new()?.split();
///     let (squares, take) = Queue::bounded(10)?.split();
///     let worker = Process::new(square, (numbers, squares)).start()?;
///     for number in 1..=3 {
///         give.put(&number)?;
///     }
///     drop(give); // all producers are gone: the worker's iteration ends, and then ours
///     assert_eq!(take.iter().collect::<Result<Vec<u64>, _>>()?, [1, 4, 9]);
///     worker.join()?;
///     Ok(())
/// }
/// ```
///
/// As long as a `Queue` is there, it may put; so a consumer that has one waits for itself and never learns that all others are gone. For
/// that [`split`](Self::split) it, or [`close`](Self::close) it when all is put.
///
/// The memory grows with what waits, and is kept for the next time. Descriptors inside values wait in the kernel, where there is
/// room for some hundred values with descriptors: `put` waits for more.
pub struct Queue<T> {
    to: Arc<Side>,
    from: Arc<Side>,
    carries: PhantomData<fn(&T) -> T>,
}

/// The end of a [`Queue`] that puts. When the last one is gone, consumers get what is there, and then [`GetError::Disconnected`].
pub struct Producer<T> {
    to: Arc<Side>,
    carries: PhantomData<fn(&T)>,
}

/// The end of a [`Queue`] that gets. When the last one is gone, producers are told so as soon as they would have to wait for room.
pub struct Consumer<T> {
    from: Arc<Side>,
    carries: PhantomData<fn() -> T>,
}

impl<T> Queue<T> {
    /// A queue for any number of values.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`: no descriptor is free (it takes three). `ENOMEM`, `ENOSPC`: no memory is.
    pub fn new() -> io::Result<Self> {
        Self::create(None)
    }

    /// A queue for at most `most` values at a time: `Queue(maxsize)` in Python.
    ///
    /// # Errors
    /// `InvalidInput`: `most` is 0, and nothing could ever be put. The others as [`new`](Self::new).
    pub fn bounded(most: usize) -> io::Result<Self> {
        bound(most).and_then(|bound| Self::create(Some(bound)))
    }

    fn create(bound: Option<u64>) -> io::Result<Self> {
        let (to, from) = store::create(bound, Getting::Removes)?;
        Ok(Self {
            to,
            from,
            carries: PhantomData,
        })
    }

    /// Its two ends; nothing else is left of it here.
    pub fn split(self) -> (Producer<T>, Consumer<T>) {
        (self.producer(), self.consumer())
    }

    /// The end that puts.
    pub fn producer(&self) -> Producer<T> {
        Producer {
            to: Arc::clone(&self.to),
            carries: PhantomData,
        }
    }

    /// The end that gets.
    pub fn consumer(&self) -> Consumer<T> {
        Consumer {
            from: Arc::clone(&self.from),
            carries: PhantomData,
        }
    }
}

fn bound(most: usize) -> io::Result<u64> {
    if most == 0 {
        let why = "a queue for 0 values is always full; one without a bound is made by `new`";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    Ok(most as u64)
}

macro_rules! counted {
    ($($handle:ident)+) => {$(
        impl<T> $handle<T> {
            /// How many values are there. It may have changed when the answer comes.
            pub fn qsize(&self) -> usize {
                usize::try_from(self.store().ring().waiting()).unwrap_or(usize::MAX)
            }

            /// Whether as many are there as are allowed. It may have changed when the answer comes.
            pub fn is_full(&self) -> bool {
                self.store().ring().is_full()
            }

            /// How many are allowed; `None` where there is no bound.
            pub fn bound(&self) -> Option<usize> {
                self.store().ring().bound().and_then(|bound| usize::try_from(bound).ok())
            }
        }
    )+};
}

a_handle!(Queue: to from);
a_handle!(Producer: to);
a_handle!(Consumer: from);
counted!(Queue Producer Consumer JoinableQueue TaskProducer TaskConsumer);
putting!(Queue);
putting!(Producer);
getting!(Queue);
getting!(Consumer);
