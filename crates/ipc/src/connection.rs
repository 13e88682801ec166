//! `duplex`: a pipe whose two ends both send and receive.
//!
//! Invariant: as that of `pipe.rs`; the last sender to an end is the last copy of the other.

use std::io;
use std::marker::PhantomData;

use crate::channel::{Channel, Patience};
use crate::error::{RecvError, SendError};
use crate::forms::{an_end, receiving, sending};
use crate::frame::Content;
use crate::loans::{borrowing, lending};
use crate::message::only_bytes;

/// An end of a [`duplex`] pipe, which sends values of type `S` and receives values of type `R`.
///
/// It is a value as [`Sender`](crate::Sender) is, and can be waited for as [`Receiver`](crate::Receiver) can.
pub struct Connection<S, R = S> {
    channel: Channel,
    carries: PhantomData<fn(&S) -> R>,
}

/// A two-way pipe: `multiprocessing.Pipe()`. What one end sends, the other receives.
///
/// ```
/// use core_process::Process;
/// use ipc::{Connection, duplex};
///
/// fn measure(texts: Connection<usize, String>) {
///     while let Ok(text) = texts.recv() {
///         texts.send(&text.len()).unwrap();
///     }
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     core_process::init();
///     let (ours, theirs) = duplex::<String, usize>()?;
///     let child = Process::new(measure, theirs).start()?;
///     ours.send(&"four".to_owned())?;
///     assert_eq!(ours.recv()?, 4);
///     drop(ours); // the child's `recv` ends
///     child.join()?;
///     Ok(())
/// }
/// ```
///
/// # Errors
/// As [`pipe`](crate::pipe).
pub fn duplex<A, B>() -> io::Result<(Connection<A, B>, Connection<B, A>)> {
    let (one, other) = Channel::pair()?;
    Ok((Connection::new(one), Connection::new(other)))
}

an_end!(Connection<S, R>);
sending!(Connection<S, R>, S);
receiving!(Connection<S, R>, R);
lending!(Connection<S, R>);
borrowing!(Connection<S, R>);
