//! `Fingerprint`: a number by which two programs find out whether they mean the same type.
//!
//! Invariant: it is made of names and layout alone, at compile time, so the same source gives the same number in every build.
//! It protects from mistakes, not from somebody who wants another type to have it.

use std::fmt;

/// What a type that lives in shared memory is called and how it is laid out, as one number.
///
/// `#[derive(Shared)]` makes it. Whoever maps memory of a type compares it, so that a program that was built before a field was added
/// gets an error instead of wrong numbers.
///
/// ```
/// use core_process::shm::{Fingerprint, Shared};
///
/// const POINT: Fingerprint = Fingerprint::named("Point").field("x", 0, f64::FINGERPRINT).field("y", 8, f64::FINGERPRINT);
/// const SWAPPED: Fingerprint = Fingerprint::named("Point").field("y", 0, f64::FINGERPRINT).field("x", 8, f64::FINGERPRINT);
/// assert_ne!(POINT, SWAPPED);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// Of a type of this name, without fields.
    pub const fn named(name: &str) -> Self {
        // FNV-1a: short, and computed by the compiler.
        Self(0xcbf2_9ce4_8422_2325).text(name)
    }

    /// With one more field: its name, its offset in bytes, its type.
    pub const fn field(self, name: &str, offset: usize, ty: Self) -> Self {
        self.text(name).number(offset as u64).number(ty.0)
    }

    /// Of so many of these in a row.
    pub const fn repeated(self, count: usize) -> Self {
        Self::named("array").number(count as u64).number(self.0)
    }

    /// The number, to be kept in memory beside the value.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    const fn text(mut self, text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            self = self.byte(bytes[at]);
            at += 1;
        }
        // So that "ab" "c" and "a" "bc" differ.
        self.number(bytes.len() as u64)
    }

    const fn number(mut self, number: u64) -> Self {
        let bytes = number.to_le_bytes();
        let mut at = 0;
        while at < bytes.len() {
            self = self.byte(bytes[at]);
            at += 1;
        }
        self
    }

    const fn byte(self, byte: u8) -> Self {
        Self((self.0 ^ byte as u64).wrapping_mul(0x0000_0100_0000_01b3))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({:#018x})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_offsets_types_and_counts_all_tell() {
        let number = Fingerprint::named("u32");
        let all = [
            number,
            Fingerprint::named("u23"),
            Fingerprint::named(""),
            number.repeated(1),
            number.repeated(2),
            number.repeated(1).repeated(2),
            number.field("a", 0, number),
            number.field("b", 0, number),
            number.field("a", 4, number),
            number.field("a", 0, Fingerprint::named("i32")),
            number.field("a", 0, number).field("b", 4, number),
        ];
        let distinct: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn it_is_the_same_in_every_build() {
        // Any change of the algorithm makes programs refuse each other's memory: it is a new version of the header.
        assert_eq!(
            format!("{:?}", Fingerprint::named("u32")),
            "Fingerprint(0x1f173b88fe70b512)"
        );
    }
}
