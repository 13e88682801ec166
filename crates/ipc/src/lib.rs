//! Messages and values between processes: CPython's `Pipe`, `Queue`, `Listener`, `Value` and their kin in Rust, where no message is ever half there.
//!
//! ```
//! use ipc::pipe;
//!
//! let (sender, receiver) = pipe()?;
//! sender.send(&("seven".to_owned(), 7))?;
//! drop(sender); // the last one
//! let all: Result<Vec<(String, u32)>, _> = receiver.iter().collect();
//! assert_eq!(all?, [("seven".to_owned(), 7)]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! In reading order:
//!
//! - [`pipe`] gives a [`Sender`] and a [`Receiver`]; [`duplex`] two ends of a [`Connection`] that are both.
//! - [`Queue`] is for many on both sides, with a [`Producer`] and a [`Consumer`] as its ends; [`SimpleQueue`] has neither ends nor
//!   a bound; [`JoinableQueue`] knows when what was got is finished, and gives it again when an [`Item`] goes with its process.
//! - [`Value`] and [`Array`] are memory that processes share, under a lock; an array is divided into a [`Part`] for each, who needs none;
//!   [`RawValue`] and [`RawArray`] have no lock, and integers of them an atomic form.
//! - [`Listener`] and [`Client`] bring processes together that share nothing but an address, and may be a [`Key`];
//!   [`TcpListener`] and [`TcpClient`] do so from machine to machine.
//! - [`SharedMemory`] and [`ShareableList`] have a name, for programs that have nothing else in common, CPython's among them.
//! - [`SendError`], [`RecvError`], [`PutError`] and [`GetError`] say why not.
//!
//! Each end is a value: an argument of a process, a result, a field, a part of a message; and so are files, locks and segments
//! inside a message.
//! Each blocking call has four forms: `op` waits for as long as it takes, `try_op` not at all, `op_until` until a deadline or a stop
//! token ([`core_process::Until`]), `op_timeout` for a duration.
//! To wait for several at once, children among them, is [`core_process::wait_any`]: `multiprocessing.connection.wait`.
//!
//! Inside: ends (`pipe.rs`, `connection.rs`, with the forms of `forms.rs`) over a channel (`channel.rs`) over messages
//! (`message.rs`, `frame.rs`, large ones in a [`core_process::shm::Pool`]) over [`core_process::packet`]; handles (`queue.rs`) over
//! a store (`queue/store.rs`: locks, sockets) over a ring (`queue/ring.rs` and what it names) in [`core_process::shm`].
#![allow(
    clippy::needless_doctest_main,
    reason = "init() has to be seen as the first line of main"
)]
#![forbid(unsafe_code)]

mod array;
mod auth;
mod channel;
mod client;
mod connection;
mod error;
mod forms;
mod frame;
mod listener;
mod loans;
mod message;
mod pipe;
mod queue;
mod raw_array;
mod shareable_list;
mod shared_memory;
mod stream;
mod value;

pub use array::{Array, ArrayError, ArrayGuard, OutOfBounds};
pub use auth::Key;
pub use client::Client;
pub use client::error::{AcceptError, ConnectError};
pub use client::tcp::TcpClient;
pub use connection::{Connection, duplex};
pub use error::{RecvError, SendError, Unsent};
pub use listener::address::Address;
pub use listener::door::{Peer, Peers};
pub use listener::tcp::{TcpListener, TcpListenerOptions};
pub use listener::{Listener, ListenerOptions};
pub use pipe::{Receiver, Sender, pipe};
pub use queue::{
    Consumer, GetError, Item, JoinQueueError, JoinableQueue, Producer, PutError, Queue, SimpleQueue,
    TaskConsumer, TaskProducer,
};
pub use raw_array::RawArray;
pub use shareable_list::{ListError, ListItem, ShareableList};
pub use shared_memory::{SharedMemory, SharedMemoryManager, Tracking};
pub use stream::connection::TcpConnection;
pub use sync::{Part, PartError};
pub use value::{RawValue, Value, ValueGuard};
