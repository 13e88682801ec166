//! `Content`: what a `Locked` can have: one value, or an array of them.
//!
//! Invariant: it is implemented for these two forms of each `Shared` type, and for nothing else.

/// A [`Shared`](core_process::shm::Shared) type, or an array `[T]` of one.
pub trait Content: sealed::Content {}

impl<C: ?Sized + sealed::Content> Content for C {}

mod sealed {
    use std::ptr::NonNull;

    use core_process::shm::{Fingerprint, Shared};

    /// What [`crate::Locked`] has to know; not to be implemented elsewhere.
    pub trait Content: Send + Sync {
        /// One of the values.
        type Item: Shared;
        /// Told from that of the other form.
        const FINGERPRINT: Fingerprint;
        /// How many there are, if the type says so.
        const COUNT: Option<usize>;

        /// The values from an address on.
        fn at(start: NonNull<Self::Item>, count: usize) -> NonNull<Self>;
    }

    impl<T: Shared> Content for T {
        type Item = T;
        const FINGERPRINT: Fingerprint = T::FINGERPRINT;
        const COUNT: Option<usize> = Some(1);

        #[inline]
        fn at(start: NonNull<T>, _: usize) -> NonNull<T> {
            start
        }
    }

    impl<T: Shared> Content for [T] {
        type Item = T;
        const FINGERPRINT: Fingerprint = Fingerprint::named("slice").field("", 0, T::FINGERPRINT);
        const COUNT: Option<usize> = None;

        #[inline]
        fn at(start: NonNull<T>, count: usize) -> NonNull<[T]> {
            NonNull::slice_from_raw_parts(start, count)
        }
    }
}
