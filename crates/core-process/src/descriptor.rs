//! `Fd`: an open file, socket or pidfd as a part of a value; and the table through which it leaves the bytes.
//!
//! While `codec` encodes or decodes, the thread has a *scope*: a table of descriptors. `Fd` puts a duplicate there
//! and writes its index, or reads an index and takes the descriptor.
//! Invariant: scopes nest, and a scope ends with the call that opened it, by return or by panic; a descriptor is
//! owned by the value, by the table, or by nobody.
//! This file does not know the format of the bytes.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::sys::fd;

/// A descriptor (a file, a socket, a pipe's end) that can be an argument, a result, or a part of a message.
///
/// The other process gets a duplicate of it: the same open file with the same position, under a number of its own,
/// close-on-exec, never 0, 1 or 2. The sender's stays open until it is dropped.
/// It can be encoded by [`codec`](crate::codec) alone, which carries descriptors; any other serializer is an error.
/// The type `T` is what the receiver makes of the descriptor; the kernel checks it at the first use, not the decoder.
///
/// ```
/// use core_process::{Fd, codec};
/// use std::fs::File;
///
/// let null = Fd::from(File::open("/dev/null")?);
/// let sent = codec::encode(&null)?;
/// let received: Fd<File> = codec::decode(&sent.bytes, sent.descriptors)?;
/// assert_eq!(received.metadata()?.file_type(), null.metadata()?.file_type());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Fd<T>(T);

impl<T> Fd<T> {
    /// The file, socket or pipe itself.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> From<T> for Fd<T> {
    fn from(inner: T) -> Self {
        Self(inner)
    }
}

impl<T> Deref for Fd<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Fd<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: AsFd> AsFd for Fd<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl<T: AsFd> Serialize for Fd<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(put(self.as_fd()).map_err(S::Error::custom)?)
    }
}

impl<'de, T: From<OwnedFd>> Deserialize<'de> for Fd<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let index = u32::deserialize(deserializer)?;
        Ok(Self(take(index).map_err(D::Error::custom)?.into()))
    }
}

/// Why the table refused a descriptor or an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    NotEncoding,
    NotDecoding,
    Duplicate(i32),
    NoSuchIndex { index: u32, count: usize },
    UsedTwice(u32),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotEncoding => f.write_str(
                "a descriptor was serialised outside core_process::codec::encode; \
                 only an argument, a result or a message carries descriptors, bytes alone cannot",
            ),
            Self::NotDecoding => f.write_str(
                "a descriptor was deserialised outside core_process::codec::decode; \
                 only an argument, a result or a message carries descriptors, bytes alone cannot",
            ),
            Self::Duplicate(errno) => {
                write!(
                    f,
                    "a descriptor cannot be duplicated: {}",
                    io::Error::from_raw_os_error(*errno)
                )
            }
            Self::NoSuchIndex { index, count } => {
                write!(
                    f,
                    "the value names descriptor {index} of a message with {count} descriptors"
                )
            }
            Self::UsedTwice(index) => write!(f, "the value names descriptor {index} twice"),
        }
    }
}

/// What the innermost scope of this thread is doing.
enum Role {
    /// There is no scope.
    Outside,
    Encoding(Vec<OwnedFd>),
    /// A descriptor that is taken leaves `None`.
    Decoding(Vec<Option<OwnedFd>>),
}

struct Table {
    role: Role,
    /// The first refusal: the format's own error forgets the message.
    refusal: Option<Refusal>,
}

impl Table {
    const fn new(role: Role) -> Self {
        Self { role, refusal: None }
    }
}

/// How far the innermost scope of a thread has come. Most values have no descriptor, and for those this is all there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Outside,
    /// Encoding, and no descriptor has appeared.
    Encoding,
    /// Decoding what came without descriptors, and none was asked for.
    Decoding,
    /// The table is in use.
    Table,
}

thread_local! {
    /// To look at it writes nothing.
    static STAGE: Cell<Stage> = const { Cell::new(Stage::Outside) };

    /// Never dropped, so that it is there for hooks at the end of the process, which run after the thread's values were dropped.
    /// While no stage of this thread is [`Stage::Table`] it holds nothing.
    static TABLE: RefCell<ManuallyDrop<Table>> = const { RefCell::new(ManuallyDrop::new(Table::new(Role::Outside))) };
}

/// Puts a duplicate of `descriptor` into the message that this thread encodes; its index.
pub(crate) fn put(descriptor: BorrowedFd<'_>) -> Result<u32, Refusal> {
    change(|role| match role {
        Role::Encoding(descriptors) => {
            let copy = fd::duplicate(descriptor).map_err(Refusal::Duplicate)?;
            descriptors.push(copy);
            Ok(descriptors.len() as u32 - 1)
        }
        Role::Outside | Role::Decoding(_) => Err(Refusal::NotEncoding),
    })
}

/// Takes the descriptor at `index` from the message that this thread decodes.
pub(crate) fn take(index: u32) -> Result<OwnedFd, Refusal> {
    change(|role| match role {
        Role::Decoding(descriptors) => {
            let count = descriptors.len();
            let place = descriptors
                .get_mut(index as usize)
                .ok_or(Refusal::NoSuchIndex { index, count })?;
            place.take().ok_or(Refusal::UsedTwice(index))
        }
        Role::Outside | Role::Encoding(_) => Err(Refusal::NotDecoding),
    })
}

fn change<R>(step: impl FnOnce(&mut Role) -> Result<R, Refusal>) -> Result<R, Refusal> {
    let role = match STAGE.get() {
        Stage::Encoding => Some(Role::Encoding(Vec::new())),
        Stage::Decoding => Some(Role::Decoding(Vec::new())),
        Stage::Outside | Stage::Table => None,
    };
    if let Some(role) = role {
        // Nothing of it is in use: a scope that uses it is this one.
        replace(Table::new(role));
        STAGE.set(Stage::Table);
    }
    TABLE.with_borrow_mut(|table| {
        let outcome = step(&mut table.role);
        if let Err(refusal) = &outcome {
            table.refusal.get_or_insert(*refusal);
        }
        outcome
    })
}

fn replace(table: Table) -> Table {
    ManuallyDrop::into_inner(TABLE.replace(ManuallyDrop::new(table)))
}

/// The table of one call of `encode` or `decode`. Dropping it closes what is in the table and brings back the table
/// of the call around it.
pub(crate) struct Scope {
    /// How far the call around this one had come.
    outer: Stage,
    /// Its table, if that was in use. In a box, since it seldom is, and every scope is moved.
    table: Option<Box<Table>>,
    is_open: bool,
    // The table is this thread's.
    not_send: PhantomData<*const ()>,
}

impl Scope {
    #[inline]
    pub(crate) fn outgoing() -> Self {
        Self::open(Stage::Encoding)
    }

    #[inline]
    pub(crate) fn incoming(descriptors: Vec<OwnedFd>) -> Self {
        let scope = Self::open(Stage::Decoding);
        if !descriptors.is_empty() {
            let role = Role::Decoding(descriptors.into_iter().map(Some).collect());
            replace(Table::new(role));
            STAGE.set(Stage::Table);
        }
        scope
    }

    /// Whether this thread is in one.
    #[inline]
    pub(crate) fn is_open() -> bool {
        STAGE.get() != Stage::Outside
    }

    #[inline]
    fn open(stage: Stage) -> Self {
        let outer = STAGE.replace(stage);
        Self {
            outer,
            table: (outer == Stage::Table).then(|| Box::new(replace(Table::new(Role::Outside)))),
            is_open: true,
            not_send: PhantomData,
        }
    }

    /// Puts the outer table back; the table of this scope, if it was needed.
    #[inline]
    fn close(&mut self) -> Option<Table> {
        if !self.is_open {
            return None;
        }
        self.is_open = false;
        let was = STAGE.replace(self.outer);
        if was != Stage::Table && self.table.is_none() {
            return None;
        }
        self.exchange(was)
    }

    #[cold]
    fn exchange(&mut self, was: Stage) -> Option<Table> {
        let outer = self.table.take();
        let table = replace(outer.map_or(Table::new(Role::Outside), |table| *table));
        (was == Stage::Table).then_some(table)
    }

    /// Ends the scope; adds the descriptors to send to `descriptors`.
    #[inline]
    pub(crate) fn into_outgoing(mut self, descriptors: &mut Vec<OwnedFd>) {
        if let Some(Table {
            role: Role::Encoding(ours),
            ..
        }) = self.close()
        {
            descriptors.extend(ours);
        }
    }

    /// Ends the scope; how many descriptors nobody has taken (they are closed).
    #[inline]
    pub(crate) fn into_unused(mut self) -> usize {
        match self.close() {
            Some(Table {
                role: Role::Decoding(descriptors),
                ..
            }) => descriptors.iter().flatten().count(),
            _ => 0,
        }
    }

    /// Ends the scope; what the table refused first.
    pub(crate) fn into_refusal(mut self) -> Option<Refusal> {
        self.close().and_then(|table| table.refusal)
    }
}

impl Drop for Scope {
    #[inline]
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{EncodeError, decode, encode};
    use std::fs::File;
    use std::io::{Read, Seek, Write};
    use std::os::fd::AsRawFd;

    fn memfd() -> Fd<File> {
        let fd = rustix::fs::memfd_create("descriptor-test", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        Fd::from(File::from(fd))
    }

    #[test]
    fn the_receiver_has_the_same_open_file() {
        let mut ours = memfd();
        let sent = encode(&vec![Some(&ours), None]).unwrap();
        let received: Vec<Option<Fd<File>>> = decode(&sent.bytes, sent.descriptors).unwrap();
        let mut theirs = received.into_iter().flatten().next().unwrap();

        assert_ne!(ours.as_raw_fd(), theirs.as_raw_fd());
        assert!(theirs.as_raw_fd() > 2);
        let flags = rustix::io::fcntl_getfd(&theirs).unwrap();
        assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
        theirs.write_all(b"shared").unwrap();
        let mut text = String::new();
        ours.rewind().unwrap();
        ours.read_to_string(&mut text).unwrap();
        assert_eq!(text, "shared");
    }

    #[test]
    fn outside_a_message_the_error_explains() {
        postcard::to_stdvec(&memfd()).unwrap_err();
        let refusal = put(memfd().as_fd()).unwrap_err();
        assert!(
            refusal
                .to_string()
                .contains("outside core_process::codec::encode"),
            "{refusal}"
        );
        let index = serde::de::value::U32Deserializer::<serde::de::value::Error>::new(0);
        let error = Fd::<File>::deserialize(index).unwrap_err();
        assert!(
            error.to_string().contains("outside core_process::codec::decode"),
            "{error}"
        );
    }

    #[test]
    fn a_descriptor_is_not_encoded_into_the_message_that_is_being_decoded() {
        struct Reads;
        impl<'de> Deserialize<'de> for Reads {
            fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
                assert_eq!(put(memfd().as_fd()), Err(Refusal::NotEncoding));
                Ok(Self)
            }
        }
        decode::<Reads>(&[], vec![]).unwrap();
        assert_eq!(
            encode(&memfd()).map(|sent| sent.bytes),
            Ok::<_, EncodeError>(vec![0])
        );
    }
}
