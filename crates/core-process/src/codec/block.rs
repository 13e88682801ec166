//! Bytes that are written and read as a block: `Vec<u8>`, for which serde writes and reads one number after the other.
//!
//! Invariant: the message is the same either way, and so is what it is refused for. A type is taken for `Vec<u8>` only if it is.
//! This file does not know the format.
#![allow(
    unsafe_code,
    reason = "a type that was found to be another one is taken for it"
)]

use std::any::TypeId;
use std::marker::PhantomData;
use std::mem::{self, ManuallyDrop};
use std::ptr;
use std::slice;

/// The bytes of a value that is a list of bytes.
#[inline]
pub(super) fn of<T: ?Sized>(value: &T) -> Option<&[u8]> {
    if is::<T, Vec<u8>>() {
        // SAFETY: it is a `Vec<u8>`, and borrowed for as long.
        return Some(unsafe { &*ptr::from_ref(value).cast::<Vec<u8>>() });
    }
    if is::<T, [u8]>() {
        // SAFETY: it is bytes, so many as its size, and borrowed for as long.
        return Some(unsafe { slice::from_raw_parts(ptr::from_ref(value).cast::<u8>(), size_of_val(value)) });
    }
    None
}

/// Whether a seed of serde's is the one of a `Vec<u8>`.
#[inline]
pub(super) fn is_wanted<S>() -> bool {
    is::<S, PhantomData<Vec<u8>>>()
}

/// A list of bytes as the type that it is.
///
/// # Panics
/// If `T` is another one.
#[inline]
pub(super) fn into<T>(bytes: Vec<u8>) -> T {
    assert!(is::<T, Vec<u8>>());
    let bytes = ManuallyDrop::new(bytes);
    // SAFETY: `T` is `Vec<u8>`, as was just asserted, and the one that is read is not dropped here.
    unsafe { ptr::from_ref(&*bytes).cast::<T>().read() }
}

/// Whether `A` is `B`, which borrows nothing: so `A` does not, either. Known when the program is compiled.
#[inline]
fn is<A: ?Sized, B: ?Sized + 'static>() -> bool {
    id_of::<A>() == TypeId::of::<B>()
}

/// The identity of a type, whose lifetimes are taken for `'static`.
#[inline]
fn id_of<T: ?Sized>() -> TypeId {
    trait Identified {
        fn id(&self) -> TypeId
        where
            Self: 'static;
    }
    impl<T: ?Sized> Identified for PhantomData<T> {
        #[inline]
        fn id(&self) -> TypeId
        where
            Self: 'static,
        {
            TypeId::of::<T>()
        }
    }
    let mark: &dyn Identified = &PhantomData::<T>;
    // SAFETY: a lifetime alone is changed, of an object without content whose one method looks at nothing.
    let mark = unsafe { mem::transmute::<&dyn Identified, &(dyn Identified + 'static)>(mark) };
    mark.id()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{DecodeError, decode, encode};

    #[test]
    fn a_type_is_itself_and_no_other_one() {
        assert!(is::<Vec<u8>, Vec<u8>>() && is::<[u8], [u8]>());
        assert!(!is::<Vec<i8>, Vec<u8>>() && !is::<&Vec<u8>, Vec<u8>>() && !is::<Box<[u8]>, Vec<u8>>());
        assert_eq!(of(&vec![1_u8, 2]), Some(&[1, 2][..]));
        assert_eq!(of(&[1_u8, 2][..]), Some(&[1, 2][..]));
        assert_eq!(of(&vec![1_i8]), None);
        assert_eq!(into::<Vec<u8>>(vec![1, 2]), [1, 2]);
    }

    #[test]
    fn bytes_are_written_as_serde_would_at_every_place() {
        let bytes: Vec<u8> = (0..300).map(|at| at as u8).collect();
        // A reference is not looked through: serde writes what it refers to.
        let by_serde = encode(&&bytes).unwrap().bytes;
        assert_eq!(encode(&bytes).unwrap().bytes, by_serde);
        assert_eq!(encode(&bytes[..]).unwrap().bytes, by_serde);
        assert_eq!(decode::<Vec<u8>>(&by_serde, vec![]), Ok(bytes.clone()));
        assert_eq!(decode::<Box<[u8]>>(&by_serde, vec![]), Ok(bytes.clone().into()));
        let value = (7_u32, vec![Some(bytes.clone()), None], (bytes, "text".to_owned()));
        let sent = encode(&value).unwrap().bytes;
        assert_eq!(decode(&sent, vec![]), Ok(value));
        let lie = decode::<Vec<u8>>(&[0xFF, 0xFF, 0xFF, 0x7F, 1], vec![]);
        assert!(matches!(lie, Err(DecodeError::Value(_))));
    }
}
