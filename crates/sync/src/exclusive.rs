//! The guards of `Locked`: `Exclusive`, which is the values, and `Held`, which is a level of the lock.
//!
//! Invariant: an `Exclusive` is the lock held by this thread, and the mark `LENT` that says that there is no other one. Who takes both is
//! `locked.rs`.
#![allow(unsafe_code, reason = "who holds the lock and the mark has the values")]

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::ptr::NonNull;
use std::sync::atomic::Ordering::Relaxed;

use crate::content::Content;
use crate::exclusion;
use crate::locked::{LENT, Locked, TO_GUARD};
use crate::object::Object;
use crate::owner_died::Inherited;
use crate::seen;

/// The lock held, and the values. Dropping it releases the lock.
#[must_use = "the lock is released at once if the guard is not kept: `let _guard = ...` keeps it, `let _ = ...` does not"]
pub struct Exclusive<'a, C: ?Sized + Content> {
    pub(crate) locked: &'a Locked<C>,
    /// The C library knows the owner by its thread.
    pub(crate) stays: PhantomData<*const ()>,
}

/// One level of the lock held, and no values. The lock is free when the owner has dropped as many as it has taken.
#[must_use = "the lock is released at once if the guard is not kept: `let _held = ...` keeps it, `let _ = ...` does not"]
pub struct Held<'a> {
    pub(crate) object: &'a Object,
    pub(crate) stays: PhantomData<*const ()>,
}

impl<C: ?Sized + Content> Exclusive<'_, C> {
    /// Releases the lock, and leaves the values lent in parts of this number.
    pub(crate) fn leave_in_parts(self, number: u32) {
        let memory = self.locked.memory();
        // The drop below takes the guard's mark away, and no other.
        memory.word(LENT).store(number, Relaxed);
    }

    #[inline]
    fn place(&self) -> NonNull<C> {
        let memory = self.locked.memory();
        // A forked child has a copy of its parent's guard, and not the lock.
        assert!(
            exclusion::is_mine(memory),
            "this guard is a copy in a forked child: the lock, and the values, are its parent's"
        );
        C::at(Locked::<C>::start(memory), self.locked.count)
    }
}

impl<C: ?Sized + Content> Deref for Exclusive<'_, C> {
    type Target = C;

    #[inline]
    fn deref(&self) -> &C {
        let place = self.place();
        // SAFETY: the values were put there or checked, and all bytes are some (`Shared`). The guard is the lock held, by this thread, and
        // the mark that this is the one guard, so nobody else has a reference; the mapping lives as long as what is borrowed here.
        unsafe { place.as_ref() }
    }
}

impl<C: ?Sized + Content> DerefMut for Exclusive<'_, C> {
    #[inline]
    fn deref_mut(&mut self) -> &mut C {
        let mut place = self.place();
        // SAFETY: as in `deref`, and `&mut self` shows that the guard has given no other reference.
        unsafe { place.as_mut() }
    }
}

impl<C: ?Sized + Content> Drop for Exclusive<'_, C> {
    #[inline]
    fn drop(&mut self) {
        let memory = self.locked.memory();
        let lent = memory.word(LENT);
        if exclusion::is_mine(memory) && lent.load(Relaxed) == TO_GUARD {
            lent.store(0, Relaxed);
        }
        exclusion::release(memory);
        seen::point("runlock", self.locked.object.id(), 0, Location::caller());
    }
}

impl<C: ?Sized + Content> Inherited for Exclusive<'_, C> {
    fn repaired(&self) {
        exclusion::repaired(self.locked.memory());
    }
}

impl Held<'_> {
    /// How many levels the owner has, this one included.
    pub fn depth(&self) -> u32 {
        exclusion::depth(self.object.memory())
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        exclusion::release(self.object.memory());
        seen::point("runlock", self.object.id(), 0, Location::caller());
    }
}

impl Inherited for Held<'_> {
    fn repaired(&self) {
        exclusion::repaired(self.object.memory());
    }
}

impl<C: ?Sized + Content + fmt::Debug> fmt::Debug for Exclusive<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl fmt::Debug for Held<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held")
            .field("depth", &self.depth())
            .finish_non_exhaustive()
    }
}
