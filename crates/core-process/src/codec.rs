//! Values to bytes and descriptors, and back: how arguments, results and messages travel between processes.
//!
//! The bytes are postcard's format, which does not describe itself. A handle inside the value (an [`Fd`](crate::Fd), a
//! [`shm::Segment`](crate::shm::Segment), whatever is built from them) leaves its index in the bytes and its
//! descriptor in [`Encoded::descriptors`]; whoever carries the message carries both.
//! Invariant: decoding takes every byte and every descriptor, each once, or fails and closes them all; it never
//! panics, and bytes that lie about a length allocate nothing for it.
//! This file does not know what carries the message.

mod block;
mod decode;
mod encode;

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::descriptor::{Refusal, Scope};

/// How many values may be open at once: a list of lists has two levels. More would endanger the decoder's stack.
const MOST_LEVELS: usize = 128;

/// A value ready to be carried to another process.
#[derive(Debug)]
pub struct Encoded {
    /// The value without its descriptors.
    pub bytes: Vec<u8>,
    /// A duplicate of each descriptor inside the value, close-on-exec, in the order of the value's fields.
    pub descriptors: Vec<OwnedFd>,
}

/// Why a value could not be encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// The value's `Serialize` refused, or the format has no place for it.
    Value(String),
    /// A descriptor inside the value could not be duplicated; the number is the system's error, `EMFILE` as a rule.
    Descriptor(i32),
}

/// Why bytes and descriptors are not a value of the expected type.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes are not a value of this type, or its `Deserialize` refused.
    Value(String),
    /// So many bytes are left after the value.
    TrailingBytes(usize),
    /// The value names a descriptor by an index that the message does not have.
    NoSuchDescriptor {
        /// The index in the bytes.
        index: u32,
        /// How many descriptors came with the bytes.
        count: usize,
    },
    /// The value names this descriptor twice.
    DescriptorUsedTwice(u32),
    /// So many descriptors of the message belong to no part of the value.
    UnusedDescriptors(usize),
}

/// Encodes `value`.
///
/// ```
/// use core_process::{Fd, codec};
/// use std::io::{Read, Write};
/// use std::os::unix::net::UnixStream;
///
/// let (ours, mut peer) = UnixStream::pair()?;
/// let sent = codec::encode(&(7, Fd::from(ours)))?;
/// let (number, mut stream): (i32, Fd<UnixStream>) = codec::decode(&sent.bytes, sent.descriptors)?;
///
/// assert_eq!(number, 7);
/// peer.write_all(b"hello")?;
/// let mut read = [0; 5];
/// stream.read_exact(&mut read)?;
/// assert_eq!(&read, b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`EncodeError::Value`] if a part of the value refuses; [`EncodeError::Descriptor`] if the process has no
/// descriptor free for a duplicate.
/// Nothing is left open in either case.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Encoded, EncodeError> {
    let mut bytes = Vec::new();
    let mut descriptors = Vec::new();
    encode_into(value, &mut bytes, &mut descriptors)?;
    Ok(Encoded { bytes, descriptors })
}

/// [`encode`] at the ends of `bytes` and `descriptors`, which may be used again for the next value.
///
/// ```
/// use core_process::codec;
///
/// let (mut bytes, mut descriptors) = (Vec::new(), Vec::new());
/// for number in 1..=3 {
///     bytes.clear();
///     codec::encode_into(&number, &mut bytes, &mut descriptors).unwrap();
///     assert_eq!(codec::decode(&bytes, Vec::new()), Ok(number));
/// }
/// ```
///
/// # Errors
/// As [`encode`]; something may have been appended to `bytes`.
#[inline]
pub fn encode_into<T: Serialize + ?Sized>(
    value: &T,
    bytes: &mut Vec<u8>,
    descriptors: &mut Vec<OwnedFd>,
) -> Result<(), EncodeError> {
    // A value of no size has no descriptor in it, unless it makes one up: then the table below is needed, and this fails. So an empty
    // result costs a forked child no page that it would have to copy.
    if size_of_val(value) == 0 && !Scope::is_open() {
        let before = bytes.len();
        if encode::append(value, bytes).is_ok() {
            return Ok(());
        }
        bytes.truncate(before);
    }
    let scope = Scope::outgoing();
    match encode::append(value, bytes) {
        Ok(()) => {
            scope.into_outgoing(descriptors);
            Ok(())
        }
        Err(error) => Err(match scope.into_refusal() {
            Some(Refusal::Duplicate(errno)) => EncodeError::Descriptor(errno),
            _ => error,
        }),
    }
}

/// Decodes a value from `bytes` and the `descriptors` that came with them.
///
/// # Errors
/// A [`DecodeError`] unless bytes and descriptors are one whole value and nothing else; every descriptor is then
/// closed.
#[inline]
pub fn decode<T: DeserializeOwned>(bytes: &[u8], descriptors: Vec<OwnedFd>) -> Result<T, DecodeError> {
    // Without a byte there is no index of a descriptor, either.
    if bytes.is_empty() && descriptors.is_empty() && !Scope::is_open() {
        return decode::from_bytes(bytes).map(|(value, _)| value);
    }
    let scope = Scope::incoming(descriptors);
    match decode::from_bytes(bytes) {
        Ok((value, 0)) => match scope.into_unused() {
            0 => Ok(value),
            unused => Err(DecodeError::UnusedDescriptors(unused)),
        },
        Ok((_, rest)) => Err(DecodeError::TrailingBytes(rest)),
        Err(error) => Err(match scope.into_refusal() {
            Some(Refusal::NoSuchIndex { index, count }) => DecodeError::NoSuchDescriptor { index, count },
            Some(Refusal::UsedTwice(index)) => DecodeError::DescriptorUsedTwice(index),
            _ => error,
        }),
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(why) => write!(f, "the value cannot be encoded: {why}"),
            Self::Descriptor(errno) => {
                write!(
                    f,
                    "a descriptor in the value cannot be duplicated: {}",
                    io::Error::from_raw_os_error(*errno)
                )
            }
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(why) => write!(f, "the value cannot be decoded: {why}"),
            Self::TrailingBytes(count) => write!(f, "{count} bytes are left after the value"),
            Self::NoSuchDescriptor { index, count } => {
                write!(
                    f,
                    "the value names descriptor {index} of a message with {count} descriptors"
                )
            }
            Self::DescriptorUsedTwice(index) => write!(f, "the value names descriptor {index} twice"),
            Self::UnusedDescriptors(count) => {
                write!(f, "{count} descriptors of the message belong to no value")
            }
        }
    }
}

impl std::error::Error for EncodeError {}
impl std::error::Error for DecodeError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fd;
    use serde::{Deserialize, Deserializer, Serializer, de, ser};
    use std::fs::File;
    use std::os::fd::AsRawFd;

    fn file() -> Fd<File> {
        Fd::from(File::open("/dev/null").unwrap())
    }

    fn descriptors(count: usize) -> Vec<OwnedFd> {
        (0..count).map(|_| OwnedFd::from(file().into_inner())).collect()
    }

    fn is_open(number: i32, target: &str) -> bool {
        std::fs::read_link(format!("/proc/self/fd/{number}"))
            .is_ok_and(|link| link.to_string_lossy() == target)
    }

    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    enum Shape {
        Unit,
        Point(i64, f64),
        Named { text: String, list: Vec<Option<u128>> },
    }

    #[test]
    fn values_come_back_as_they_were() {
        let value = vec![
            Shape::Unit,
            Shape::Point(i64::MIN, -0.5),
            Shape::Named {
                text: "щ".into(),
                list: vec![None, Some(u128::MAX)],
            },
        ];
        let sent = encode(&value).unwrap();
        assert!(sent.descriptors.is_empty());
        assert_eq!(decode::<Vec<Shape>>(&sent.bytes, vec![]).unwrap(), value);
        let nothing = encode(&()).unwrap();
        decode::<()>(&nothing.bytes, vec![]).unwrap();
    }

    #[test]
    fn every_cut_and_every_extra_byte_is_an_error() {
        let value = Shape::Named {
            text: "abc".into(),
            list: vec![Some(300), None],
        };
        let bytes = encode(&value).unwrap().bytes;
        for cut in 0..bytes.len() {
            decode::<Shape>(&bytes[..cut], vec![]).unwrap_err();
        }
        let longer = [bytes.as_slice(), &[0, 0]].concat();
        assert_eq!(
            decode::<Shape>(&longer, vec![]).unwrap_err(),
            DecodeError::TrailingBytes(2)
        );
    }

    #[test]
    fn an_index_out_of_range_or_used_twice_is_an_error() {
        let two = encode(&(0u32, 0u32)).unwrap().bytes;
        let error = decode::<(Fd<File>, Fd<File>)>(&two, descriptors(1)).unwrap_err();
        assert_eq!(error, DecodeError::DescriptorUsedTwice(0));
        let far = encode(&u32::MAX).unwrap().bytes;
        let error = decode::<Fd<File>>(&far, descriptors(2)).unwrap_err();
        assert_eq!(
            error,
            DecodeError::NoSuchDescriptor {
                index: u32::MAX,
                count: 2
            }
        );
    }

    #[test]
    fn descriptors_that_nobody_takes_are_an_error_and_closed() {
        let memfd = rustix::fs::memfd_create("codec-unused", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        let number = memfd.as_raw_fd();
        let error = decode::<u8>(&[1], vec![memfd]).unwrap_err();
        assert_eq!(error, DecodeError::UnusedDescriptors(1));
        assert!(!is_open(number, "/memfd:codec-unused (deleted)"));
    }

    /// Encodes its field by an encoding of its own, as a message inside a message.
    struct Nested(Fd<File>);

    impl Serialize for Nested {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let inner = encode(&self.0).map_err(ser::Error::custom)?;
            assert_eq!(inner.descriptors.len(), 1);
            assert_eq!(decode::<u32>(&inner.bytes, vec![]).unwrap(), 0);
            self.0.serialize(serializer)
        }
    }

    #[test]
    fn an_encoding_inside_an_encoding_has_a_table_of_its_own() {
        let sent = encode(&(file(), Nested(file()), file())).unwrap();
        assert_eq!(sent.descriptors.len(), 3);
        assert_eq!(sent.bytes, [0, 1, 2]);
    }

    #[derive(Debug)]
    struct Panics;

    impl Serialize for Panics {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            std::panic::resume_unwind(Box::new("on purpose"))
        }
    }

    impl<'de> Deserialize<'de> for Panics {
        fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            std::panic::resume_unwind(Box::new("on purpose"))
        }
    }

    #[test]
    fn a_panic_half_way_leaves_no_table_behind() {
        std::panic::catch_unwind(|| encode(&(file(), Panics))).unwrap_err();
        postcard::to_stdvec(&file()).unwrap_err();
        let index = encode(&0u32).unwrap().bytes;
        std::panic::catch_unwind(|| decode::<(Fd<File>, Panics)>(&index, descriptors(2))).unwrap_err();
        Fd::<File>::deserialize(de::value::U32Deserializer::<de::value::Error>::new(1)).unwrap_err();
    }
}
