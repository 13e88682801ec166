//! A message as one packet, however large it is and however many descriptors it has.
//!
//! What does not fit into a packet lies elsewhere before the packet is sent, and the packet has it by a descriptor: bytes in
//! a parcel, descriptors in the queue of a socket of their own. So a message is sent by one system call or not at all, and
//! what was prepared for one that is not sent goes with its descriptors.
//! Invariant: what has come is compared with what the head says, and nothing is allocated or waited for because of the head alone.
//! This file does not know what carries the packet.

use std::borrow::Cow;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use core_process::packet::{MOST_DESCRIPTORS, PacketSocket};
use core_process::shm::Parcel;

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
}

impl<'a> Outgoing<'a> {
    /// # Errors
    /// There is no memory for a parcel, or no descriptor for one or for a bundle.
    pub(crate) fn new(content: Content, bytes: &'a [u8], descriptors: Vec<OwnedFd>) -> io::Result<Self> {
        let count = u32::try_from(descriptors.len())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "too many descriptors in a message"))?;
        let carriage = if descriptors.len() > MOST_DIRECT {
            Carriage::Bundle
        } else {
            Carriage::Direct
        };
        let mut message = Self {
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
        };
        if bytes.len() > MOST_INLINE {
            message.use_parcel()?;
        }
        Ok(message)
    }

    /// Whether its bytes are beside the head.
    pub(crate) fn is_inline(&self) -> bool {
        self.head.place == Place::Inline
    }

    /// Moves its bytes into a parcel.
    pub(crate) fn use_parcel(&mut self) -> io::Result<()> {
        let parcel = Parcel::pack("message", self.bytes)?;
        self.descriptors.insert(0, parcel.into_descriptor());
        self.head.place = Place::Parcel;
        self.bytes = &[];
        Ok(())
    }

    /// Gives the packet's parts and descriptors to `send`.
    pub(crate) fn send_by(
        &self,
        send: impl FnOnce(&[IoSlice<'_>], &[BorrowedFd<'_>]) -> io::Result<()>,
    ) -> io::Result<()> {
        self.send_with(self.bytes, send)
    }

    /// [`send_by`](Self::send_by) with other bytes, just as many, in the place of its own.
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
    pub(crate) bytes: Cow<'a, [u8]>,
    pub(crate) descriptors: Vec<OwnedFd>,
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
    pub(crate) fn open(packet: &'a [u8], descriptors: Vec<OwnedFd>, most: usize) -> Result<Self, Refused> {
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
            Place::Inline => Cow::Borrowed(rest),
            Place::Parcel => Cow::Owned(Parcel::open(next("parcel")?, head.len)?.into_bytes()?),
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
pub(crate) fn only_bytes(message: Incoming<'_>) -> Result<Cow<'_, [u8]>, RecvError> {
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
    use std::fs::File;

    fn files(count: usize) -> Vec<OwnedFd> {
        let null = Fd::from(File::open("/dev/null").unwrap());
        (0..count)
            .map(|_| null.as_fd().try_clone_to_owned().unwrap())
            .collect()
    }

    /// What a peer receives of it: one packet.
    fn sent(message: &Outgoing<'_>) -> (Vec<u8>, Vec<OwnedFd>) {
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
        for len in [0, 1, MOST_INLINE, MOST_INLINE + 1, 1 << 20] {
            for count in [0, 1, MOST_DIRECT, MOST_DIRECT + 1, MOST_DESCRIPTORS + 1, 700] {
                let bytes: Vec<u8> = (0..len).map(|at| at as u8).collect();
                let message = Outgoing::new(Content::Bytes, &bytes, files(count)).unwrap();
                assert_eq!(message.is_inline(), len <= MOST_INLINE);
                let (packet, descriptors) = sent(&message);
                let opened = Incoming::open(&packet, descriptors, len).map_err(|_| ()).unwrap();
                assert_eq!((opened.bytes.len(), opened.descriptors.len()), (len, count));
                assert!(*opened.bytes == bytes, "{len} bytes, {count} descriptors");
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
        let refusals: [(Head, Vec<OwnedFd>, &str); 11] = [
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
            match Incoming::open(&head.to_bytes(), descriptors, usize::MAX) {
                Err(Refused::Malformed(said)) => assert!(said.contains(why), "{said} and not {why}"),
                Err(other) => panic!("{other:?} and not {why}"),
                Ok(_) => panic!("no error, and not {why}"),
            }
        }
    }
}
