//! The head of a message: where its bytes are, and how many descriptors belong to it.
//!
//! Invariant: a head that is read is one that could have been written, or an error; it claims and nothing more: whoever
//! uses a number of it compares it with what has really come.
//! Pure: bytes in, bytes out.
//!
//! | offset | what |
//! | --- | --- |
//! | 0 | `MAGIC`, with the version of the format |
//! | 4 | what the bytes are: `Content` |
//! | 5 | where they are: `Place` |
//! | 6 | where the descriptors are: `Carriage` |
//! | 7 | 0 |
//! | 8 | length of the bytes |
//! | 16 | number of the value's descriptors |
//! | 20 | 0 |

use crate::auth::handshake;

/// The length of a head.
pub(crate) const HEAD: usize = 24;

/// Up to so many bytes travel in the packet itself.
pub(crate) const MOST_INLINE: usize = 32 << 10;

const MAGIC: [u8; 4] = *b"ipc1";

/// What the bytes of a message are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A value that the codec has encoded.
    Value,
    /// The sender's own bytes.
    Bytes,
}

/// Where the bytes of a message are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Behind the head.
    Inline,
    /// In a parcel, which is the packet's first descriptor.
    Parcel,
    /// In a segment of the sender's pool, which is the packet's first descriptor, and goes back to it.
    Pooled,
}

/// Where the descriptors of a message are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carriage {
    /// In the packet, in order.
    Direct,
    /// In packets that lie in a socket of their own, which is the packet's next descriptor.
    Bundle,
}

/// A head in Rust's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) content: Content,
    pub(crate) place: Place,
    pub(crate) carriage: Carriage,
    pub(crate) len: u64,
    pub(crate) descriptors: u32,
}

impl Head {
    pub(crate) fn to_bytes(self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4] = self.content as u8;
        bytes[5] = self.place as u8;
        bytes[6] = self.carriage as u8;
        bytes[8..16].copy_from_slice(&self.len.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.descriptors.to_le_bytes());
        bytes
    }

    /// The head that a packet begins with, and what follows it.
    pub(crate) fn split(packet: &[u8]) -> Result<(Self, &[u8]), String> {
        let Some((head, rest)) = packet.split_first_chunk() else {
            return Err(format!(
                "a packet of {} bytes is shorter than a head",
                packet.len()
            ));
        };
        let head = Self::read(head)?;
        if head.place == Place::Inline && head.len != rest.len() as u64 {
            return Err(format!(
                "its head says {} bytes and {} have come",
                head.len,
                rest.len()
            ));
        }
        if head.place != Place::Inline && !rest.is_empty() {
            return Err(format!(
                "{} bytes are beside a head whose bytes are elsewhere",
                rest.len()
            ));
        }
        Ok((head, rest))
    }

    /// A head alone, whatever follows it.
    pub(crate) fn read(head: &[u8; HEAD]) -> Result<Self, String> {
        let [m0, m1, m2, m3, content, place, carriage, pad, numbers @ ..] = *head;
        if [m0, m1, m2, m3] == handshake::MAGIC {
            return Err("it is the question for a key, which this side was not given".to_owned());
        }
        if [m0, m1, m2, m3] != MAGIC {
            return Err("it is no message of this library, or one of another version".to_owned());
        }
        let [l0, l1, l2, l3, l4, l5, l6, l7, d0, d1, d2, d3, padding @ ..] = numbers;
        if pad != 0 || padding != [0; 4] {
            return Err("its head has a field that is unknown here".to_owned());
        }
        Ok(Self {
            content: match content {
                0 => Content::Value,
                1 => Content::Bytes,
                other => return Err(format!("{other} is no kind of content")),
            },
            place: match place {
                0 => Place::Inline,
                1 => Place::Parcel,
                2 => Place::Pooled,
                other => return Err(format!("{other} is no place of bytes")),
            },
            carriage: match carriage {
                0 => Carriage::Direct,
                1 => Carriage::Bundle,
                other => return Err(format!("{other} is no place of descriptors")),
            },
            len: u64::from_le_bytes([l0, l1, l2, l3, l4, l5, l6, l7]),
            descriptors: u32::from_le_bytes([d0, d1, d2, d3]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_come_back_as_they_were() {
        for content in [Content::Value, Content::Bytes] {
            for (place, len, rest) in [(Place::Inline, 3, 3), (Place::Parcel, 1 << 62, 0)] {
                for carriage in [Carriage::Direct, Carriage::Bundle] {
                    let head = Head {
                        content,
                        place,
                        carriage,
                        len,
                        descriptors: 7,
                    };
                    let packet = [&head.to_bytes()[..], &vec![9; rest]].concat();
                    assert_eq!(Head::split(&packet), Ok((head, &packet[HEAD..])));
                }
            }
        }
    }

    #[test]
    fn every_other_head_is_an_error() {
        let good = Head {
            content: Content::Bytes,
            place: Place::Inline,
            carriage: Carriage::Direct,
            len: 2,
            descriptors: 0,
        };
        let packet = [&good.to_bytes()[..], b"ab"].concat();
        for cut in 0..packet.len() {
            Head::split(&packet[..cut]).unwrap_err();
        }
        // No byte of the head may be another one, but for the kind of the content and the carriage and the number of the descriptors.
        for at in (0..HEAD).filter(|at| !(16..20).contains(at)) {
            for value in 2..=255 {
                let mut changed = packet.clone();
                if changed[at] != value {
                    changed[at] = value;
                    Head::split(&changed).unwrap_err();
                }
            }
        }
        for place in [Place::Parcel, Place::Pooled] {
            let beside = Head { place, ..good };
            Head::split(&[&beside.to_bytes()[..], b"ab"].concat()).unwrap_err();
        }
    }
}
