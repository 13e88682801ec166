//! Room for the bytes of one value, used again for the next one.
//!
//! Invariant: a value whose encoding or decoding puts or gets another one finds the thread's room taken, and uses its own.

use std::cell::{Cell, RefCell};
use std::io;
use std::ops::Range;

use super::ring::SHORT;

thread_local! {
    /// For values that are decoded where they lie.
    static GOT: Cell<Option<Box<Buffer>>> = const { Cell::new(None) };
    /// For values that are encoded.
    static ENCODED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// More is not kept for the next value.
const KEPT: usize = 1 << 20;

/// The bytes of a value that came.
pub(crate) struct Buffer {
    /// Words, for values of fewer bytes than [`SHORT`].
    short: [[u8; 8]; SHORT / 8 + 1],
    /// For others; longer than need be, so that it is not filled anew for each value.
    long: Vec<u8>,
    value: Range<usize>,
}

impl Buffer {
    pub(crate) fn new() -> Self {
        Self {
            short: [[0; 8]; SHORT / 8 + 1],
            long: Vec::new(),
            value: 0..0,
        }
    }

    /// The value.
    #[inline]
    pub(crate) fn value(&self) -> &[u8] {
        let Range { start, end } = self.value.clone();
        if end <= SHORT && start == 1 {
            &self.short.as_flattened()[start..end]
        } else {
            &self.long[start..end]
        }
    }

    /// Words in which a value of so many bytes is to be laid, after one byte that is none of it.
    #[inline]
    pub(super) fn short(&mut self, len: usize) -> &mut [[u8; 8]] {
        self.value = 1..len.min(SHORT - 1) + 1;
        &mut self.short
    }

    /// Room for a value of so many bytes.
    pub(super) fn long(&mut self, len: usize) -> io::Result<&mut [u8]> {
        if self.long.len() < len {
            let more = len - self.long.len();
            self.long
                .try_reserve_exact(more)
                .map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
            self.long.resize(len, 0);
        }
        self.value = 0..len;
        Ok(&mut self.long[..len])
    }
}

/// Lends room for a value that comes.
#[inline]
pub(crate) fn with_buffer<R>(use_it: impl FnOnce(&mut Buffer) -> R) -> R {
    let mut buffer = GOT.take().unwrap_or_else(|| Box::new(Buffer::new()));
    let outcome = use_it(&mut buffer);
    if buffer.long.len() > KEPT {
        buffer.long = Vec::new();
    }
    GOT.set(Some(buffer));
    outcome
}

/// Lends room, empty, for a value that is to be put.
#[inline]
pub(crate) fn with_bytes<R>(use_it: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    ENCODED.with(|bytes| {
        let Ok(mut bytes) = bytes.try_borrow_mut() else {
            return use_it(&mut Vec::new());
        };
        let outcome = use_it(&mut bytes);
        if bytes.capacity() > KEPT {
            *bytes = Vec::new();
        }
        bytes.clear();
        outcome
    })
}
