//! A value of the user's in an object's memory: where it lies, and what it is.
//!
//! Invariant: what was checked or put there is a `T`: the type may live in shared memory, its size is part of the object's length, and its
//! fingerprint stands beside it. Whose turn it is to use the value is not known here.
#![allow(unsafe_code, reason = "a value in shared memory")]

use std::any::type_name;
use std::ptr::NonNull;
use std::sync::atomic::Ordering::Relaxed;

use core_process::shm::Shared;

use crate::sys::memory::Memory;

/// The fingerprint's two halves, the size and the alignment, in words.
const HEAD_LEN: usize = 64;

/// Where a value lies whose head is at `head`.
const fn offset<T>(head: usize) -> usize {
    assert!(
        align_of::<T>() <= 4096,
        "the alignment is above that of a page, which is all that a mapping has"
    );
    (head + HEAD_LEN).next_multiple_of(align_of::<T>())
}

/// The length of an object that ends with a value whose head is at `head`.
pub(crate) const fn len<T>(head: usize) -> usize {
    offset::<T>(head) + size_of::<T>()
}

const fn words<T: Shared>() -> [u32; 4] {
    let fingerprint = T::FINGERPRINT.as_u64();
    [
        fingerprint as u32,
        (fingerprint >> 32) as u32,
        size_of::<T>() as u32,
        align_of::<T>() as u32,
    ]
}

/// Puts a value there, before anybody else has the memory.
pub(crate) fn put<T: Shared>(memory: &Memory, head: usize, value: T) {
    let place = at::<T>(memory, head);
    // SAFETY: `at` has checked that there is room, aligned, and nobody else has the memory yet.
    unsafe { place.write(value) };
    for (index, word) in words::<T>().into_iter().enumerate() {
        // Relaxed: another process gets the segment by a message of the kernel, which orders.
        memory.word(head + index * 4).store(word, Relaxed);
    }
}

/// Whether what somebody else has put there is a `T`.
pub(crate) fn check<T: Shared>(memory: &Memory, head: usize) -> Result<(), String> {
    let expected = words::<T>();
    let mut found = [0; 4];
    for (index, word) in found.iter_mut().enumerate() {
        *word = memory.word(head + index * 4).load(Relaxed);
    }
    if found == expected {
        return Ok(());
    }
    let shown = |[low, high, size, align]: [u32; 4]| {
        format!(
            "size {size}, alignment {align}, fingerprint {:#x}",
            u64::from(high) << 32 | u64::from(low)
        )
    };
    Err(format!(
        "this is no monitor of `{}`: {} where {} is expected",
        type_name::<T>(),
        shown(found),
        shown(expected)
    ))
}

/// The value's address, inside the mapping and aligned, while the memory is mapped.
#[inline]
pub(crate) fn at<T: Shared>(memory: &Memory, head: usize) -> NonNull<T> {
    assert!(len::<T>(head) <= memory.segment().len());
    let place = memory.segment().as_ptr().wrapping_add(offset::<T>(head));
    match NonNull::new(place.cast()) {
        Some(place) => place,
        None => unreachable!("it lies in a mapping"),
    }
}
