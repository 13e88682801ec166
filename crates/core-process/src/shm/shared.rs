//! `Shared`: what may live in memory that several processes map.
//!
//! Invariant: a value of such a type means the same at every address of every process, and whatever bytes another process puts in its
//! place are a value of the type, too. It does not say who may write when: that is an agreement of those who map the memory.
#![allow(
    unsafe_code,
    reason = "says of the primitive types that they are self-contained"
)]

use std::sync::atomic::{
    AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicU8, AtomicU16, AtomicU32, AtomicU64,
    AtomicUsize,
};

use super::Fingerprint;

/// May live in memory that several processes map.
///
/// Integers, floating-point numbers, atomic integers and arrays of them may; a struct of such fields gets it by
/// `#[derive(Shared)]`, which checks all that is asked below and explains itself where something is missing.
///
/// ```
/// use core_process::shm::Shared;
/// use std::sync::atomic::AtomicU64;
///
/// #[repr(C)]
/// #[derive(Shared)]
/// struct Progress {
///     done: AtomicU64,
///     total: u64,
///     worker: [u32; 4],
/// }
/// ```
///
/// # What may not, and why
///
/// An address means something in one process alone: no pointers and references, and nothing that keeps its content behind one.
///
/// ```compile_fail
/// # use core_process::shm::Shared;
/// #[repr(C)]
/// #[derive(Shared)]
/// struct Message {
///     text: String, // its letters are on this process's heap; keep [u8; N] and a length
/// }
/// ```
///
/// Another process may write any bytes, at any time. A `bool` of 2, a `char` of 2^32 - 1, an enum without that variant are undefined
/// behaviour as soon as somebody looks: no type for which some bytes are no value. ([`Bool`](super::Bool) is one for which all are.)
///
/// ```compile_fail
/// # use core_process::shm::Shared;
/// #[repr(C)]
/// #[derive(Shared)]
/// struct Job {
///     is_done: bool,
/// }
/// ```
///
/// Bytes between the fields would carry what this process had there to all others: no padding, and no `MaybeUninit`.
///
/// ```compile_fail
/// # use core_process::shm::Shared;
/// #[repr(C)]
/// #[derive(Shared)]
/// struct Item {
///     kind: u8, // seven bytes of nobody
///     weight: u64,
/// }
/// ```
///
/// Nobody drops the value: it outlives each process, and the last one does not know that it is the last.
///
/// ```compile_fail
/// # use core_process::shm::Shared;
/// #[repr(C)]
/// #[derive(Shared)]
/// struct Ticket {
///     number: u64,
/// }
///
/// impl Drop for Ticket {
///     fn drop(&mut self) {}
/// }
/// ```
///
/// Two programs have to agree on the layout: `repr(C)`, and so no tuples.
///
/// What it does *not* keep out: a number that is only a handle of something else. A descriptor's number, a pid, a thread's id are
/// integers, and mean something else, or nothing, in another process.
///
/// # Who writes when
///
/// The trait says that nothing that is found in the memory is undefined behaviour by its value. It does not make it safe to write
/// while somebody else reads: through a shared reference nothing but atomics changes, in this process or in another, and who hands out
/// `&mut T` has to know that nobody else has the value at the time (a lock does: `sync::Monitor`). Programs that reach the
/// memory through this crate and `sync` keep to that. From one that does not, expect any value, and another one at the next look: fetch
/// once, check, then use what was fetched.
///
/// # Safety
/// - The type is `repr(C)`, `repr(transparent)` or a primitive, and has no padding.
/// - Every sequence of bytes of its size is a valid value of it.
/// - It has no address in it, and no resource of one process; it needs no drop.
/// - Its `FINGERPRINT` differs from that of every type that has other fields, or the same in other places.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot live in shared memory",
    label = "`{Self}` is not `Shared`",
    note = "integers, floating-point numbers, atomic integers and arrays of them can, and structs of these: \
            `#[repr(C)] #[derive(core_process::shm::Shared)]`"
)]
pub unsafe trait Shared: Send + Sync + Sized + 'static {
    /// Tells the type from others; see [`Fingerprint`].
    const FINGERPRINT: Fingerprint;
}

macro_rules! primitives {
    ($($ty:ident)*) => {$(
        // SAFETY: a primitive number: no padding, no address, no drop, and all bytes are a value of it.
        unsafe impl Shared for $ty {
            const FINGERPRINT: Fingerprint = Fingerprint::named(stringify!($ty));
        }
    )*};
}

primitives! { u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64 }
// Their memory is that of the integer. On the systems that this is for they are one instruction, in every process.
primitives! { AtomicU8 AtomicU16 AtomicU32 AtomicU64 AtomicUsize AtomicI8 AtomicI16 AtomicI32 AtomicI64 AtomicIsize }

// SAFETY: an array is its elements one after another, with nothing between them.
unsafe impl<T: Shared, const N: usize> Shared for [T; N] {
    const FINGERPRINT: Fingerprint = T::FINGERPRINT.repeated(N);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shm::Shared;
    use std::mem::offset_of;

    #[repr(C)]
    #[derive(Shared)]
    struct Inner(u32, [u16; 2]);

    #[repr(C, align(16))]
    #[derive(Shared)]
    struct Outer {
        word: AtomicU64,
        inner: Inner,
    }

    #[repr(C)]
    #[derive(Shared)]
    struct Nothing;

    #[test]
    fn the_derive_takes_names_offsets_and_types_into_the_fingerprint() {
        let inner = Fingerprint::named("Inner").field("0", 0, u32::FINGERPRINT).field(
            "1",
            4,
            u16::FINGERPRINT.repeated(2),
        );
        assert_eq!(Inner::FINGERPRINT, inner);
        let outer = Fingerprint::named("Outer")
            .field("word", 0, AtomicU64::FINGERPRINT)
            .field("inner", offset_of!(Outer, inner), inner);
        assert_eq!(Outer::FINGERPRINT, outer);
        assert_eq!(Nothing::FINGERPRINT, Fingerprint::named("Nothing"));
        assert_ne!(AtomicU32::FINGERPRINT, u32::FINGERPRINT);
    }
}
