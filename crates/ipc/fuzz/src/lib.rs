//! The bodies of the fuzz targets: functions of bytes, each of which plays a hostile peer.
//!
//! Invariant: a body returns, whatever its input, and panics where the library has broken a promise. What was received is no larger
//! than a few times the input, and no descriptor is open afterwards that was not before; whoever calls measures that.
//! `cargo test -p ipc --test fuzz` compiles this file, too.

pub mod descriptors;
pub mod frame;
pub mod handshake;
pub mod ring;

/// The bytes of an input, one after another; zeros behind its end.
pub(crate) struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn of(input: &'a [u8]) -> Self {
        Self(input)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    pub(crate) fn word(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// The next `most` bytes, or what is left.
    pub(crate) fn block(&mut self, most: usize) -> &'a [u8] {
        let (block, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        block
    }

    pub(crate) fn rest(self) -> &'a [u8] {
        self.0
    }
}

/// The head of a message, with fields that may lie.
pub(crate) fn head(content: u8, place: u8, carriage: u8, len: u64, descriptors: u32) -> [u8; 24] {
    let mut head = [0; 24];
    head[..4].copy_from_slice(b"ipc1");
    head[4..7].copy_from_slice(&[content, place, carriage]);
    head[8..16].copy_from_slice(&len.to_le_bytes());
    head[16..20].copy_from_slice(&descriptors.to_le_bytes());
    head
}
