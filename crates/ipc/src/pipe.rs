//! `pipe`: a way for values from any number of senders to any number of receivers, and its two ends.
//!
//! Invariant: an end is closed with its last copy, wherever that is: in a process, in a message that nobody has received yet.
//! This file does not know how a message travels; see `channel.rs`.

use std::io;
use std::marker::PhantomData;

use crate::channel::{Channel, Patience};
use crate::error::{RecvError, SendError};
use crate::forms::{an_end, receiving, sending};
use crate::frame::Content;
use crate::loans::{borrowing, lending};
use crate::message::only_bytes;

/// The end of a [`pipe`] that sends.
///
/// It is a value: an argument of a process, a result, a field, a part of a message. Copies may send at the same time, from any
/// thread and process: each message arrives whole, and those of one sender in their order.
/// When the last copy is gone, receivers get what was sent before, and then [`RecvError::Disconnected`]. So who only wants to receive
/// drops its sender.
pub struct Sender<T> {
    channel: Channel,
    carries: PhantomData<fn(&T)>,
}

/// The end of a [`pipe`] that receives.
///
/// It is a value as [`Sender`] is. Where several copies receive, each message goes to one of them.
/// It can be waited for beside others by [`core_process::wait_any`]: it is ready when a message is there, or none will ever come.
pub struct Receiver<T> {
    channel: Channel,
    carries: PhantomData<fn() -> T>,
}

/// A one-way pipe: `multiprocessing.Pipe(duplex=False)`.
///
/// ```
/// use core_process::Process;
/// use ipc::{Sender, pipe};
///
/// fn count(to: u32, numbers: Sender<u32>) {
///     for number in 0..to {
///         numbers.send(&number).unwrap();
///     }
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     core_process::init();
///     let (sender, receiver) = pipe()?;
///     // The argument goes to the child, and nothing is left of it here: so the iteration ends with the child.
///     let child = Process::new(count, (3, sender)).start()?;
///     assert_eq!(receiver.iter().collect::<Result<Vec<u32>, _>>()?, [0, 1, 2]);
///     child.join()?;
///     Ok(())
/// }
/// ```
///
/// Messages wait in the kernel, some 200 KiB of them. Those of more than 32 KiB lie beside that in memory that is used again, message after
/// message, as soon as the receiver has copied it out; each end keeps up to eight pieces of it, 256 MiB at most, and drops what it has not used
/// for some seconds. A sender waits for room, so a process that sends to itself can wait for ever.
///
/// A large message need not be copied at all:
///
/// ```
/// let (sender, receiver) = ipc::pipe::<()>()?;
/// let mut loan = sender.loan(1 << 20)?;
/// loan.fill(7); // in place
/// sender.send_loan(loan)?;
///
/// let picture = receiver.recv_borrowed()?; // in place, too
/// assert!(picture.len() == 1 << 20 && picture.iter().all(|&byte| byte == 7));
/// drop(picture); // the memory goes back to the sender
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # If it dies here
/// | who | when | what is left |
/// | --- | --- | --- |
/// | sender | while it writes a loan, or has not sent it | nothing: the memory goes with it |
/// | sender | in the system call of `send` | the message is there whole, or is not |
/// | sender | after it has sent | the message; its memory stays as long as the receiver has it |
/// | receiver | with a message that it has not taken | the next receiver gets it; with the last one it goes |
/// | receiver | in the system call of `recv`, or while it copies or reads | the message is gone with it; its piece is not used again, and the sender drops it when it keeps as many as it may, or after some seconds |
///
/// # Errors
/// `EMFILE`, `ENFILE`: no descriptor is free. `ENOBUFS`, `ENOMEM`: no kernel memory is.
pub fn pipe<T>() -> io::Result<(Sender<T>, Receiver<T>)> {
    let (sender, receiver) = Channel::pair()?;
    Ok((Sender::new(sender), Receiver::new(receiver)))
}

an_end!(Sender<T>);
an_end!(Receiver<T>);
sending!(Sender<T>, T);
receiving!(Receiver<T>, T);
lending!(Sender<T>);
borrowing!(Receiver<T>);
