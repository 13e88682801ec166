//! `SimpleQueue`: a queue without a bound and without ends.
//!
//! Invariant: as that of `Queue`, which it is, with less to choose.

use std::io;
use std::marker::PhantomData;
use std::sync::Arc;

use super::error::{GetError, PutError};
use super::forms::{a_handle, getting, putting};
use super::ring::Getting;
use super::store::{self, Side};
use super::{buffer, get, put};
use crate::channel::Patience;

/// A queue that anybody who has it puts into and gets from: `multiprocessing.SimpleQueue`.
///
/// Python's is a pipe with two locks, whose `put` waits when the pipe is full; this one has no bound, so a process can put any number
/// of values before it gets one.
///
/// ```
/// use ipc::SimpleQueue;
///
/// let queue = SimpleQueue::new()?;
/// queue.put(&"one".to_owned())?;
/// assert!(!queue.is_empty());
/// assert_eq!(queue.get()?, "one");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SimpleQueue<T> {
    to: Arc<Side>,
    from: Arc<Side>,
    carries: PhantomData<fn(&T) -> T>,
}

impl<T> SimpleQueue<T> {
    /// A new one, empty.
    ///
    /// # Errors
    /// As [`Queue::new`](crate::Queue::new).
    pub fn new() -> io::Result<Self> {
        let (to, from) = store::create(None, Getting::Removes)?;
        Ok(Self {
            to,
            from,
            carries: PhantomData,
        })
    }
}

a_handle!(SimpleQueue: to from);
putting!(SimpleQueue);
getting!(SimpleQueue);
