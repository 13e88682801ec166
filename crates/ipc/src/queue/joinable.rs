//! `JoinableQueue`: a queue that knows what is still being worked on.
//!
//! Invariant: a value that was put counts as unfinished until a consumer has finished it; one whose consumer died, or gave it back,
//! is given again, so a consumer's death is no reason to wait for ever.
//! This file does not know how it is seen that a consumer has died; see `leases.rs`.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use core_process::{Until, WaitError, codec};
use serde::de::DeserializeOwned;

use super::error::{GetError, PutError};
use super::forms::{a_handle, putting};
use super::leases::Lease;
use super::ring::Getting;
use super::store::{self, Side};
use super::{buffer, put, work};
use crate::channel::Patience;

/// A queue whose producers can wait until everything was not only got but finished: `multiprocessing.JoinableQueue`.
///
/// [`get`](Self::get) gives an [`Item`]: the value, and the duty to finish it. Dropping the item says that it is finished
/// (`task_done` in Python, which can be forgotten, or called too often; here neither can be written). [`Item::nack`] puts it back, and so
/// does a panic that unwinds through it; and if the process that has it dies, the next consumer gets it.
///
/// So a value may be given more than once ([`Item::deliveries`] says how often), and is never lost.
///
/// ```
/// use core_process::Process;
/// use ipc::{JoinableQueue, TaskConsumer};
///
/// fn work(jobs: TaskConsumer<u32>) {
///     for job in jobs.iter() {
///         let job = job.unwrap();
///         assert!(*job < 10);
///         // the item is dropped here: finished
///     }
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     core_process::init();
///     let (jobs, workers) = JoinableQueue::new()?.split();
///     let worker = Process::new(work, workers).start()?;
///     for job in 0..10 {
///         jobs.put(&job)?;
///     }
///     jobs.join()?; // all ten are finished
///     drop(jobs);
///     worker.join()?;
///     Ok(())
/// }
/// ```
///
/// A value in it cannot have handles inside: a descriptor cannot be given twice.
pub struct JoinableQueue<T> {
    to: Arc<Side>,
    from: Arc<Side>,
    carries: PhantomData<fn(&T) -> T>,
}

/// The end of a [`JoinableQueue`] that puts, and waits for the work.
pub struct TaskProducer<T> {
    to: Arc<Side>,
    carries: PhantomData<fn(&T)>,
}

/// The end of a [`JoinableQueue`] that gets, and works.
pub struct TaskConsumer<T> {
    from: Arc<Side>,
    carries: PhantomData<fn() -> T>,
}

/// A value of a [`JoinableQueue`] that is being worked on. Dropping it says that it is finished; a panic that unwinds through
/// it, that it is not.
#[must_use = "the value counts as finished at once if the item is not kept"]
pub struct Item<T> {
    value: T,
    lease: Option<Lease>,
    side: Arc<Side>,
    /// Only the process that got it can finish it: a forked child has a copy.
    pid: u32,
}

impl<T> JoinableQueue<T> {
    /// A queue for any number of values.
    ///
    /// # Errors
    /// As [`Queue::new`](crate::Queue::new).
    pub fn new() -> io::Result<Self> {
        Self::create(None)
    }

    /// A queue in which at most `most` values wait at a time. Those that are being worked on do not count.
    ///
    /// # Errors
    /// As [`Queue::bounded`](crate::Queue::bounded).
    pub fn bounded(most: usize) -> io::Result<Self> {
        super::bound(most).and_then(|bound| Self::create(Some(bound)))
    }

    fn create(bound: Option<u64>) -> io::Result<Self> {
        let (to, from) = store::create(bound, Getting::Leases)?;
        Ok(Self {
            to,
            from,
            carries: PhantomData,
        })
    }

    /// Its two ends; nothing else is left of it here.
    pub fn split(self) -> (TaskProducer<T>, TaskConsumer<T>) {
        (self.producer(), self.consumer())
    }

    /// The end that puts, and waits for the work.
    pub fn producer(&self) -> TaskProducer<T> {
        TaskProducer {
            to: Arc::clone(&self.to),
            carries: PhantomData,
        }
    }

    /// The end that gets, and works.
    pub fn consumer(&self) -> TaskConsumer<T> {
        TaskConsumer {
            from: Arc::clone(&self.from),
            carries: PhantomData,
        }
    }
}

/// The forms of getting an item.
macro_rules! leasing {
    ($($handle:ident)+) => {$(
        impl<T: DeserializeOwned> $handle<T> {
            /// Waits for a value and gets it, to be worked on.
            ///
            /// # Errors
            /// [`GetError::Closed`] or [`GetError::Disconnected`] when nothing will come any more: all that others work on is
            /// finished, too. Another [`GetError`] if there is something that is no such value; it counts as finished.
            #[track_caller]
            pub fn get(&self) -> Result<Item<T>, GetError> {
                self.get_until(Until::forever())
            }

            /// [`get`](Self::get), if something is there now.
            ///
            /// # Errors
            /// [`GetError::Empty`] if nothing is.
            #[track_caller]
            pub fn try_get(&self) -> Result<Item<T>, GetError> {
                item(&self.from, Patience::None, Location::caller())
            }

            /// [`get`](Self::get), if something comes before the wait is over. A token is looked at every 20 ms.
            ///
            /// # Errors
            /// [`GetError::TimedOut`] or [`GetError::Stopped`] if nothing came.
            #[track_caller]
            pub fn get_until(&self, until: impl Into<Until>) -> Result<Item<T>, GetError> {
                item(&self.from, Patience::Until(&until.into()), Location::caller())
            }

            /// [`get_until`](Self::get_until) with a duration.
            ///
            /// # Errors
            /// As [`get_until`](Self::get_until).
            #[track_caller]
            pub fn get_timeout(&self, time: Duration) -> Result<Item<T>, GetError> {
                self.get_until(time)
            }

            /// The items up to the end. An error is an item, and does not end it.
            #[track_caller]
            pub fn iter(&self) -> impl Iterator<Item = Result<Item<T>, GetError>> + '_ {
                let (caller, forever) = (Location::caller(), Until::forever());
                std::iter::from_fn(move || match item(&self.from, Patience::Until(&forever), caller) {
                    Err(error) if error.is_end() => None,
                    other => Some(other),
                })
            }
        }
    )+};
}

/// The forms of waiting for the work.
macro_rules! joining {
    ($($handle:ident)+) => {$(
        impl<T> $handle<T> {
            /// Waits until everything that was put is finished.
            ///
            /// # Errors
            /// [`JoinQueueError::Abandoned`] when all consumers are gone before.
            #[track_caller]
            pub fn join(&self) -> Result<(), JoinQueueError> {
                self.join_until(Until::forever())
            }

            /// [`join`](Self::join), if it comes to that before the wait is over. A token is looked at every 20 ms.
            ///
            /// # Errors
            /// [`JoinQueueError::TimedOut`] or [`JoinQueueError::Stopped`] if it did not.
            #[track_caller]
            pub fn join_until(&self, until: impl Into<Until>) -> Result<(), JoinQueueError> {
                if work::join(&self.to, &until.into(), Location::caller())? {
                    Ok(())
                } else {
                    Err(JoinQueueError::Abandoned)
                }
            }

            /// [`join_until`](Self::join_until) with a duration, which Python has not.
            ///
            /// # Errors
            /// As [`join_until`](Self::join_until).
            #[track_caller]
            pub fn join_timeout(&self, time: Duration) -> Result<(), JoinQueueError> {
                self.join_until(time)
            }

            /// How many values are not finished: waiting, or being worked on. It may have changed when the answer comes.
            pub fn unfinished(&self) -> usize {
                // It fails where the queue's memory was overwritten, which every other call reports.
                work::unfinished(&self.to).map_or(0, |count| usize::try_from(count).unwrap_or(usize::MAX))
            }
        }
    )+};
}

fn item<T: DeserializeOwned>(
    side: &Arc<Side>,
    patience: Patience<'_>,
    caller: &'static Location<'static>,
) -> Result<Item<T>, GetError> {
    buffer::with_buffer(|buffer| {
        let lease = work::lease(side, buffer, patience, caller)?;
        match codec::decode(buffer.value(), Vec::new()) {
            Ok(value) => Ok(Item {
                value,
                lease: Some(lease),
                side: Arc::clone(side),
                pid: std::process::id(),
            }),
            Err(error) => {
                work::finish(side, &lease)?;
                Err(GetError::Decode(error))
            }
        }
    })
}

impl<T> Item<T> {
    /// How often the value was given to a consumer, this time included. More than once: one died with it, or gave it back.
    pub fn deliveries(&self) -> u64 {
        self.lease.as_ref().map_or(0, |lease| lease.deliveries)
    }

    /// Gives the value back: it is not finished, and somebody gets it again.
    pub fn nack(mut self) {
        self.settle(work::give_back);
    }

    /// Says that the value is finished: `task_done` in Python. Dropping the item says the same.
    pub fn task_done(mut self) {
        self.settle(work::finish);
    }

    fn settle(&mut self, settle: fn(&Side, &Lease) -> Result<(), GetError>) {
        let Some(lease) = self.lease.take() else { return };
        if self.pid == std::process::id() {
            // It fails where the queue's memory was overwritten, which the next get reports.
            let _ = settle(&self.side, &lease);
        }
    }
}

impl<T> Drop for Item<T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.settle(work::give_back);
        } else {
            self.settle(work::finish);
        }
    }
}

impl<T> Deref for Item<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Item<T> {
    /// A change is this process's: who gets the value again gets it as it was put.
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Item<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Item").field(&self.value).finish()
    }
}

/// Why a queue was not joined.
#[derive(Debug)]
#[non_exhaustive]
pub enum JoinQueueError {
    /// The deadline passed before everything was finished.
    TimedOut,
    /// The stop token was stopped before everything was finished.
    Stopped,
    /// All consumers are gone: nobody will ever finish what is left.
    Abandoned,
    /// The system refused, or the memory of the queue was overwritten.
    Os(io::Error),
}

impl From<WaitError> for JoinQueueError {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::TimedOut => Self::TimedOut,
            WaitError::Stopped => Self::Stopped,
            WaitError::Os(error) => Self::Os(error),
        }
    }
}

impl fmt::Display for JoinQueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("not everything was finished in time"),
            Self::Stopped => f.write_str("the wait for the work was stopped by its stop token"),
            Self::Abandoned => f.write_str("all consumers are gone, and not everything is finished"),
            Self::Os(error) => write!(f, "the queue cannot be joined: {error}"),
        }
    }
}

impl std::error::Error for JoinQueueError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Os(error) => Some(error),
            _ => None,
        }
    }
}

a_handle!(JoinableQueue: to from);
a_handle!(TaskProducer: to);
a_handle!(TaskConsumer: from);
putting!(JoinableQueue);
putting!(TaskProducer);
leasing!(JoinableQueue TaskConsumer);
joining!(JoinableQueue TaskProducer);
