//! A message as one packet, however large it is and however many descriptors it has.
//!
//! What does not fit into a packet lies elsewhere before the packet is sent, and the packet has it by a descriptor: bytes in
//! a segment of the sender's pool or in a parcel, descriptors in the queue of a socket of their own. So a message is sent by one system call or not at all, and
//! what was prepared for one that is not sent goes with its descriptors.
//! Invariant: what has come is compared with what the head says, and nothing is allocated or waited for because of the head alone.
//! This file does not know what carries the packet.

use std::borrow::Cow;
use std::cell::Cell;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use core_process::packet::{MOST_DESCRIPTORS, PacketSocket};
use core_process::shm::{Borrowed, Loan, Parcel, Pool};

use crate::error::RecvError;
use crate::frame::{Carriage, Content, HEAD, Head, MOST_INLINE, Place};

/// A packet has room for so many descriptors of a value, beside those of its parcel and its bundle.
const MOST_DIRECT: usize = MOST_DESCRIPTORS - 1;

/// The longest packet.
pub(crate) const LONGEST: usize = HEAD + MOST_INLINE;

/// A message ready to be sent.
pub(crate) struct Outgoing<'a> {
    head: Head,
    bytes: &'a [u8],
    /// Of the packet: parcel, bundle or the value's own.
    descriptors: Vec<OwnedFd>,
    /// The segment with its bytes; its descriptor is the first of the packet.
    loan: Option<Loan>,
}

impl<'a> Outgoing<'a> {
    /// A message whose bytes are beside its head, if they fit there.
    ///
    /// # Errors
    /// There is no descriptor for a bundle.
    pub(crate) fn new(content: Content, bytes: &'a [u8], descriptors: Vec<OwnedFd>) -> io::Result<Self> {
        let count = u32::try_from(descriptors.len())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "too many descriptors in a message"))?;
        let carriage = if descriptors.len() > MOST_DIRECT {
            Carriage::Bundle
        } else {
            Carriage::Direct
        };
        Ok(Self {
            head: Head {
                content,
                place: Place::Inline,
                carriage,
                len: bytes.len() as u64,
                descriptors: count,
            },
            bytes,
            descriptors: match carriage {
                Carriage::Direct => descriptors,
                Carriage::Bundle => vec![bundle(&descriptors)?],
            },
            loan: None,
        })
    }

    /// A message of bytes that lie in their segment already.
    pub(crate) fn of_loan(loan: Loan) -> Self {
        Self {
            head: Head {
                content: Content::Bytes,
                place: Place::Pooled,
                carriage: Carriage::Direct,
                len: loan.len() as u64,
                descriptors: 0,
            },
            bytes: &[],
            descriptors: Vec::new(),
            loan: Some(loan),
        }
    }

    /// The loan of a message that was not sent.
    pub(crate) fn into_loan(self) -> Option<Loan> {
        self.loan
    }

    /// Whether it cannot be sent as it is.
    pub(crate) fn is_too_long(&self) -> bool {
        self.is_inline() && self.bytes.len() > MOST_INLINE
    }

    /// Whether its bytes are beside the head.
    pub(crate) fn is_inline(&self) -> bool {
        self.head.place == Place::Inline
    }

    /// Moves its bytes out of the packet: into a segment of the pool, which waits so long for one to come back; what is too large for a pool, into
    /// a parcel.
    ///
    /// # Errors
    /// There is no memory, or no descriptor.
    pub(crate) fn move_out(&mut self, pool: &Pool, longest: Duration) -> io::Result<()> {
        if self.bytes.len() > pool.longest() {
            return self.use_parcel();
        }
        let loan = pool.take_within(self.bytes.len(), longest)?;
        loan.write_bytes(0, self.bytes);
        self.loan = Some(loan);
        self.head.place = Place::Pooled;
        self.bytes = &[];
        Ok(())
    }

    /// Moves its bytes into a parcel.
    pub(crate) fn use_parcel(&mut self) -> io::Result<()> {
        let parcel = Parcel::pack("message", self.bytes)?;
        self.descriptors.insert(0, parcel.into_descriptor());
        self.head.place = Place::Parcel;
        self.bytes = &[];
        Ok(())
    }

    /// Gives the packet's parts and descriptors to `send`. What was lent is the receiver's if that succeeds, and else the message's as before.
    pub(crate) fn send_by(
        &mut self,
        send: impl FnOnce(&[IoSlice<'_>], &[BorrowedFd<'_>]) -> io::Result<()>,
    ) -> io::Result<()> {
        let Some(loan) = self.loan.take() else {
            return self.send_with(self.bytes, send);
        };
        let head = self.head.to_bytes();
        let descriptors = &self.descriptors;
        let lent = loan.lend_by(|segment| {
            let all: Vec<_> = std::iter::once(segment)
                .chain(descriptors.iter().map(AsFd::as_fd))
                .collect();
            send(&[IoSlice::new(&head)], &all)
        });
        lent.map_err(|(error, loan)| {
            self.loan = Some(loan);
            error
        })
    }

    /// Sends a message whose bytes are beside its head, with other bytes, just as many, in the place of its own.
    pub(crate) fn send_with(
        &self,
        bytes: &[u8],
        send: impl FnOnce(&[IoSlice<'_>], &[BorrowedFd<'_>]) -> io::Result<()>,
    ) -> io::Result<()> {
        debug_assert_eq!(bytes.len(), self.bytes.len());
        let head = self.head.to_bytes();
        let descriptors: Vec<_> = self.descriptors.iter().map(AsFd::as_fd).collect();
        send(&[IoSlice::new(&head), IoSlice::new(bytes)], &descriptors)
    }
}

/// A socket in whose queue the descriptors lie.
fn bundle(descriptors: &[OwnedFd]) -> io::Result<OwnedFd> {
    let (inside, outside) = PacketSocket::pair()?;
    for some in descriptors.chunks(MOST_DESCRIPTORS) {
        let borrowed: Vec<_> = some.iter().map(AsFd::as_fd).collect();
        // Where the queue is full nobody could ever make room.
        inside.try_send(&[IoSlice::new(&[0])], &borrowed)?;
    }
    Ok(outside.into())
}

/// A message that has come.
pub(crate) struct Incoming<'a> {
    pub(crate) content: Content,
    pub(crate) bytes: Body<'a>,
    pub(crate) descriptors: Vec<OwnedFd>,
}

/// The bytes of a message that has come.
pub(crate) enum Body<'a> {
    /// Of this process alone: nobody changes them.
    Private(Cow<'a, [u8]>),
    /// The sender's memory, too: to be copied before anything is concluded from it.
    Lent(Borrowed),
}

thread_local! {
    /// Room for a copy of what was lent, of one value after the other.
    static COPY: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// More is not kept for the next value.
const KEPT: usize = 4 << 20;

impl Body<'_> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Private(bytes) => bytes.len(),
            Self::Lent(lent) => lent.len(),
        }
    }

    /// Those that are this process's alone.
    pub(crate) fn private(&self) -> Option<&[u8]> {
        match self {
            Self::Private(bytes) => Some(bytes),
            Self::Lent(_) => None,
        }
    }

    /// Copies them to `to`, which has their length.
    pub(crate) fn copy_to(&self, to: &mut [u8]) {
        match self {
            Self::Private(bytes) => to.copy_from_slice(bytes),
            Self::Lent(lent) => lent.copy_to(0, to),
        }
    }

    /// # Errors
    /// `OutOfMemory`.
    pub(crate) fn into_vec(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Private(bytes) => Ok(bytes.into_owned()),
            Self::Lent(lent) => {
                let mut bytes = room(Vec::new(), lent.len())?;
                lent.copy_to(0, &mut bytes);
                Ok(bytes)
            }
        }
    }

    /// In place, where they are lent.
    pub(crate) fn into_borrowed(self) -> Borrowed {
        match self {
            Self::Private(bytes) => Borrowed::from(bytes.into_owned()),
            Self::Lent(lent) => lent,
        }
    }

    /// Gives `read` bytes that nobody changes; what was lent has gone back by then.
    ///
    /// # Errors
    /// `OutOfMemory`.
    pub(crate) fn read_privately<R>(self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        let lent = match self {
            Self::Private(bytes) => return Ok(read(&bytes)),
            Self::Lent(lent) => lent,
        };
        let len = lent.len();
        let mut copy = room(COPY.take(), len)?;
        lent.copy_to(0, &mut copy[..len]);
        drop(lent);
        let outcome = read(&copy[..len]);
        if copy.len() <= KEPT {
            COPY.set(copy);
        }
        Ok(outcome)
    }
}

/// Makes it at least so long.
fn room(mut bytes: Vec<u8>, len: usize) -> io::Result<Vec<u8>> {
    if bytes.len() < len {
        let more = len - bytes.len();
        bytes
            .try_reserve_exact(more)
            .map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        bytes.resize(len, 0);
    }
    Ok(bytes)
}

/// Why a packet is no message.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The peer is to blame.
    Malformed(String),
    /// It has so many bytes, which is more than the caller allows.
    TooLong(u64),
    /// This process has no memory or no descriptor for it.
    Os(io::Error),
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => Self::Malformed(error.to_string()),
            _ => Self::Os(error),
        }
    }
}

impl<'a> Incoming<'a> {
    /// Opens a packet with a message of at most `most` bytes.
    ///
    /// # Errors
    /// The packet is no message, or there is no room for it. Everything that came with it is closed.
    pub(crate) fn open(
        packet: &'a [u8],
        descriptors: Vec<OwnedFd>,
        most: usize,
        pool: &Pool,
    ) -> Result<Self, Refused> {
        let (head, rest) = Head::split(packet).map_err(Refused::Malformed)?;
        if head.len > most as u64 {
            return Err(Refused::TooLong(head.len));
        }
        let mut came = descriptors.into_iter();
        let mut next = |what| {
            came.next()
                .ok_or_else(|| Refused::Malformed(format!("its {what} did not come")))
        };
        let bytes = match head.place {
            Place::Inline => Body::Private(Cow::Borrowed(rest)),
            Place::Parcel => {
                let parcel = Parcel::open(next("parcel")?, head.len)?;
                Body::Private(Cow::Owned(parcel.into_bytes()?))
            }
            Place::Pooled => {
                let len = usize::try_from(head.len)
                    .map_err(|_| Refused::Malformed(format!("it cannot have {} bytes", head.len)))?;
                Body::Lent(pool.receive(next("segment")?, len)?)
            }
        };
        let bundled = match head.carriage {
            Carriage::Direct => None,
            Carriage::Bundle => Some(unpack(&PacketSocket::open(next("bundle")?)?, head.descriptors)?),
        };
        let direct: Vec<OwnedFd> = came.collect();
        let surplus = bundled.is_some() && !direct.is_empty();
        let descriptors = bundled.unwrap_or(direct);
        if surplus || descriptors.len() as u64 != u64::from(head.descriptors) {
            return Err(Refused::Malformed(format!(
                "its head says {} descriptors and others have come",
                head.descriptors
            )));
        }
        Ok(Self {
            content: head.content,
            bytes,
            descriptors,
        })
    }
}

/// The bytes of a message of bytes, which has nothing else.
pub(crate) fn only_bytes(message: Incoming<'_>) -> Result<Body<'_>, RecvError> {
    match message.content {
        Content::Value => Err(RecvError::OtherContent),
        Content::Bytes if message.descriptors.is_empty() => Ok(message.bytes),
        Content::Bytes => Err(RecvError::Malformed(
            "descriptors came beside mere bytes".to_owned(),
        )),
    }
}

/// Takes what lies in a bundle, and waits for nothing.
fn unpack(bundle: &PacketSocket, count: u32) -> Result<Vec<OwnedFd>, Refused> {
    let mut descriptors = Vec::new();
    while (descriptors.len() as u64) < u64::from(count) {
        match bundle.try_recv(&mut [0]) {
            Ok(Some(packet)) if !packet.descriptors.is_empty() => descriptors.extend(packet.descriptors),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error.into()),
            Ok(_) | Err(_) => {
                return Err(Refused::Malformed(format!(
                    "its bundle holds {} descriptors where {count} are expected",
                    descriptors.len()
                )));
            }
        }
    }
    Ok(descriptors)
}

#[cfg(test)]
mod tests {
    use super::*;
    use core_process::Fd;
    use core_process::shm::Bounds;
    use std::fs::File;

    fn pool() -> Pool {
        Pool::new(Bounds {
            segments: 8,
            bytes: 4 << 20,
        })
    }

    fn files(count: usize) -> Vec<OwnedFd> {
        let null = Fd::from(File::open("/dev/null").unwrap());
        (0..count)
            .map(|_| null.as_fd().try_clone_to_owned().unwrap())
            .collect()
    }

    /// What a peer receives of it: one packet.
    fn sent(message: &mut Outgoing<'_>) -> (Vec<u8>, Vec<OwnedFd>) {
        let (ours, theirs) = PacketSocket::pair().unwrap();
        message
            .send_by(|parts, descriptors| ours.send(parts, descriptors))
            .unwrap();
        let mut buffer = vec![0; LONGEST];
        let packet = theirs.recv(&mut buffer).unwrap().unwrap();
        buffer.truncate(packet.len);
        (buffer, packet.descriptors)
    }

    #[test]
    fn messages_of_every_size_and_number_of_descriptors_are_one_packet() {
        let (ours, theirs) = (pool(), pool());
        for len in [0, 1, MOST_INLINE, MOST_INLINE + 1, 1 << 20, ours.longest() + 1] {
            for count in [0, 1, MOST_DIRECT, MOST_DIRECT + 1, MOST_DESCRIPTORS + 1, 700] {
                let bytes: Vec<u8> = (0..len).map(|at| at as u8).collect();
                let mut message = Outgoing::new(Content::Bytes, &bytes, files(count)).unwrap();
                assert_eq!(message.is_too_long(), len > MOST_INLINE);
                if message.is_too_long() {
                    message.move_out(&ours, Duration::MAX).unwrap();
                }
                assert_eq!(message.head.place == Place::Parcel, len > ours.longest());
                let (packet, descriptors) = sent(&mut message);
                let opened = Incoming::open(&packet, descriptors, len, &theirs)
                    .map_err(|_| ())
                    .unwrap();
                assert_eq!((opened.bytes.len(), opened.descriptors.len()), (len, count));
                let came = opened.bytes.into_vec().unwrap();
                assert!(came == bytes, "{len} bytes, {count} descriptors");
            }
        }
    }

    #[test]
    fn what_came_is_compared_with_what_the_head_says() {
        let head = Head {
            content: Content::Value,
            place: Place::Inline,
            carriage: Carriage::Direct,
            len: 0,
            descriptors: 2,
        };
        let large = Head {
            place: Place::Parcel,
            len: 1 << 62,
            ..head
        };
        let many = Head {
            carriage: Carriage::Bundle,
            descriptors: u32::MAX,
            ..head
        };
        let parcel = || vec![Parcel::pack("test", &[1; 9]).unwrap().into_descriptor()];
        let empty = || vec![bundle(&[]).unwrap()];
        let short = || vec![bundle(&files(300)).unwrap()];
        let both = || [bundle(&files(2)).unwrap()].into_iter().chain(files(1)).collect();
        let two_bundled = Head {
            descriptors: 2,
            ..many
        };
        let pooled = Head {
            place: Place::Pooled,
            descriptors: 0,
            ..large
        };
        let segment = || vec![pool().take(9).unwrap().lend().unwrap()];
        let refusals: [(Head, Vec<OwnedFd>, &str); 15] = [
            (pooled, files(0), "its segment did not come"),
            (pooled, segment(), "has room for"),
            (Head { len: 9, ..pooled }, parcel(), "no segment of a pool"),
            (
                Head {
                    len: 9,
                    descriptors: 1,
                    ..pooled
                },
                segment(),
                "its head says 1 descriptors",
            ),
            (head, files(1), "its head says 2 descriptors"),
            (head, files(3), "its head says 2 descriptors"),
            (large, files(0), "its parcel did not come"),
            (large, parcel(), "9 bytes where"),
            (large, files(1), "not sealed"),
            (Head { len: 8, ..large }, parcel(), "9 bytes where 8"),
            (many, files(0), "its bundle did not come"),
            (many, files(1), "no end of a pair"),
            (many, empty(), "its bundle holds 0 descriptors"),
            (many, short(), "its bundle holds 300 descriptors"),
            (two_bundled, both(), "its head says 2 descriptors"),
        ];
        for (head, descriptors, why) in refusals {
            match Incoming::open(&head.to_bytes(), descriptors, usize::MAX, &pool()) {
                Err(Refused::Malformed(said)) => assert!(said.contains(why), "{said} and not {why}"),
                Err(other) => panic!("{other:?} and not {why}"),
                Ok(_) => panic!("no error, and not {why}"),
            }
        }
    }
}
